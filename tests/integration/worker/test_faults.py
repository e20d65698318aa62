from pathlib import Path

import psycopg
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


def test_a_restarted_server_has_all_that_it_committed(postgres: Postgres) -> None:
    """Otherwise a job may go back behind what its followers were told, which looks like a fault."""
    url = postgres.new_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE told (number int)")
        for number in range(200):
            connection.execute("INSERT INTO told VALUES (%s)", [number])
    postgres.restart()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM told").fetchone() == (200,)
