import signal
import subprocess
import sys
from pathlib import Path

from narration.clock import utc_now
from narration.database import make_engine, session_scope
from narration.migrate import migrate
from tests.builders import make_job
from tests.cluster import wait_for
from tests.servers import Postgres, Valkey

ROOT = Path(__file__).parents[3]


def test_sweeper_announces_what_nobody_does_and_ends_on_sigterm(
    tmp_path: Path, postgres: Postgres, valkey: Valkey
) -> None:
    url = postgres.new_database()
    migrate(url)
    database = make_engine(url)
    valkey.client().flushall()
    with session_scope(database) as session:
        make_job(session, now=utc_now())
    environment = {
        "RHAPSODE_DATA_DIR": str(tmp_path),
        "RHAPSODE_DATABASE__URL": url,
        "RHAPSODE_BROKER__URL": valkey.url,
        "RHAPSODE_SWEEPER": '{"interval_s": 0.2, "stalled_s": 0.5}',
    }
    sweeper = subprocess.Popen(
        [sys.executable, "-m", "narration.sweeper"], cwd=ROOT, env=environment
    )
    try:
        wait_for(lambda: valkey.client().llen("cpu") > 0, 60, "message")
        sweeper.send_signal(signal.SIGTERM)
        assert sweeper.wait(20) == 0
    finally:
        sweeper.kill()
        sweeper.wait()
        database.dispose()


def test_sweeper_without_a_broker_says_what_to_set(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "narration.sweeper"],
        cwd=ROOT,
        env={"RHAPSODE_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert "RHAPSODE_BROKER__URL" in ended.stderr
