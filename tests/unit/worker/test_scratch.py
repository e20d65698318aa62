"""Files being assembled have limited space; those of a killed worker are removed."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from narration.errors import DiskFull, LeaseLost, OutputError
from worker.scratch import PREFIX, Scratch

ROOT = Path(__file__).parents[3]
DIE = """
import os, sys
from pathlib import Path
from worker.scratch import Scratch
with Scratch(1, Path(sys.argv[1])).folder(10, lambda: None) as folder:
    (folder / "audio.wav").write_bytes(b"sound")
    os._exit(9)
"""


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    """Room for a thousand bytes."""
    scratch = Scratch(1e-6, tmp_path, poll_s=0.01)
    yield scratch
    scratch.close()


def no_check() -> None:
    """The check passes."""


def test_folder_is_gone_afterwards(tmp_path: Path, scratch: Scratch) -> None:
    with scratch.folder(10, no_check) as folder:
        (folder / "audio.wav").write_bytes(b"sound")
        assert tmp_path in folder.parents
    assert not folder.exists()
    scratch.close()
    assert list(tmp_path.iterdir()) == []


def test_what_can_never_fit_is_refused_with_the_remedy(scratch: Scratch) -> None:
    refused = pytest.raises(OutputError, match=r"takes 2\.0 GB .*SCRATCH_GB is .+: raise it")
    with refused, scratch.folder(2 * 10**9, no_check):
        pass


def test_files_wait_for_the_room_of_others(scratch: Scratch) -> None:
    order: list[str] = []

    def second() -> None:
        with scratch.folder(600, no_check):
            order.append("second")

    with scratch.folder(600, no_check):
        waiting = threading.Thread(target=second)
        waiting.start()
        waiting.join(0.2)
        order.append("first")
    waiting.join(5)
    assert order == ["first", "second"]


def test_waiting_ends_with_the_lease(scratch: Scratch) -> None:

    def lose() -> None:
        raise LeaseLost

    with scratch.folder(600, no_check), pytest.raises(LeaseLost), scratch.folder(600, lose):
        pass


def test_full_disk_is_named_before_it_is_written(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "filler").write_bytes(bytes(1 << 20))
    scratch = Scratch(1, small_disk)
    with pytest.raises(DiskFull, match="cramped is full"), scratch.folder(10**6, no_check):
        pass
    scratch.close()


def test_leftovers_of_a_killed_worker_are_cleared_and_those_of_a_live_one_are_not(
    tmp_path: Path, scratch: Scratch
) -> None:
    code = subprocess.run([sys.executable, "-c", DIE, tmp_path], cwd=ROOT, check=False).returncode
    assert code == 9
    assert len(list(tmp_path.glob(f"{PREFIX}*/*/audio.wav"))) == 1
    alive = Scratch(1, tmp_path)
    with alive.folder(10, no_check) as folder, scratch.folder(10, no_check):
        assert folder.exists()
        assert list(tmp_path.glob(f"{PREFIX}*/*/audio.wav")) == []
    alive.close()
