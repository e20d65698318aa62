from pathlib import Path

import pytest

from tests.faults.suite import run_suite
from tests.servers import Postgres, SeaweedFS, Valkey


@pytest.mark.timeout(420)
def test_jobs_end_right_whatever_happens_meanwhile(
    tmp_path: Path, postgres: Postgres, valkey: Valkey, seaweedfs: SeaweedFS
) -> None:
    """A short run of what `make faults` does at length."""
    report = run_suite(tmp_path, postgres, valkey, seaweedfs, jobs=10, seed=3, timeout_s=300)
    assert not report.verdict.wrong, report.verdict.details
    assert sum(report.ends.values()) == report.jobs
