import subprocess
import sys

import pytest

from narration.errors import IncompletePlanError
from narration.jobs.completeness import check_complete

WHOLE = [["chunk", 0, 5, 0], ["pause", 5, 6, None], ["skipped", 6, 9, "code"], ["chunk", 9, 12, 1]]


def test_whole_source_passes() -> None:
    check_complete(WHOLE, 12, 2)


@pytest.mark.parametrize(
    ("spans", "characters", "chunks", "message"),
    [
        (WHOLE[1:], 12, 2, "0 to 5"),
        ([WHOLE[0], *WHOLE[2:]], 12, 2, "5 to 6"),
        (WHOLE, 13, 2, "12 to 13"),
        (WHOLE, 12, 3, "no place"),
        ([*WHOLE[:2], ["skipped", 6, 9, None], WHOLE[3]], 12, 2, "no reason"),
    ],
)
def test_hole_is_named(spans: list, characters: int, chunks: int, message: str) -> None:
    with pytest.raises(IncompletePlanError, match=message):
        check_complete(spans, characters, chunks)


def test_hole_is_found_by_an_optimised_interpreter_too() -> None:
    program = (
        "from narration.jobs.completeness import check_complete\n"
        "check_complete([['chunk', 0, 5, 0]], 6, 1)"
    )
    ended = subprocess.run(
        [sys.executable, "-O", "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "IncompletePlanError: characters 5 to 6 belong to no span" in ended.stderr
