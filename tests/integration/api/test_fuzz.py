"""Calls that OpenAPI allows or forbids are answered as documented; `make fuzz` sends more."""

from pathlib import Path

import pytest

from tests.fuzz.run import fuzz
from tests.fuzz.targets import Target, embedded, service
from tests.servers import Postgres, SeaweedFS, Valkey

CALLS = 1000  # one pass makes more
MAX_RESPONSE_S = 10.0  # on a machine that runs other tests at the same time


def require_none(target: Target) -> None:
    outcome = fuzz(target, calls=CALLS, examples=4, max_response_s=MAX_RESPONSE_S, seed=1)
    if outcome.failures:
        pytest.fail("\n".join(outcome.failures), pytrace=False)


@pytest.mark.timeout(900)
def test_one_machine_answers_as_documented(tmp_path: Path) -> None:
    with embedded(tmp_path / "embedded", has_keys=False) as target:
        require_none(target)


@pytest.mark.timeout(900)
def test_service_with_keys_answers_as_documented(
    tmp_path: Path, postgres: Postgres, valkey: Valkey, seaweedfs: SeaweedFS
) -> None:
    with service(tmp_path / "service", postgres, valkey, seaweedfs, has_keys=True) as target:
        require_none(target)
