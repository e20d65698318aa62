import json
import re
import subprocess
import sys
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase
from structlog.testing import capture_logs

from narration import telemetry
from narration.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs/operations.md").read_text(encoding="utf-8")
METRICS = [value for value in vars(telemetry).values() if isinstance(value, MetricWrapperBase)]


def test_every_metric_is_explained() -> None:
    suffixes = {Counter: "_total", Gauge: "", Histogram: ""}
    names = {metric._name + suffixes[type(metric)] for metric in METRICS}
    named = set(re.findall(r"`(rhapsode_\w+)", PAGE))
    assert names == named


def test_settings_named_on_the_page_exist() -> None:
    parts = {
        name: field.annotation.model_fields
        for name, field in Settings.model_fields.items()
        if hasattr(field.annotation, "model_fields")
    }
    named = re.findall(r"`(worker|sweeper)\.(\w+)`", PAGE)
    assert named
    assert not [(part, field) for part, field in named if field not in parts[part]]


LOUD = """
import logging, threading, warnings
from narration import telemetry
from narration.settings import TelemetrySettings
telemetry.set_up_logging(TelemetrySettings(log_format="json"))
logging.getLogger("celery.worker.consumer").error("lost the broker at %s:\\nagain", "redis")
logging.getLogger("chatty").info("nobody asked")
warnings.warn("soon gone")
try:
    raise ValueError("caught")
except ValueError:
    logging.getLogger("library").exception("with a traceback")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
raise RuntimeError("uncaught")
"""


def test_whatever_is_said_in_a_container_is_one_json_line_per_event() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOUD],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [event["level"] for event in events] == [
        "error", "warning", "error", "critical", "critical",
    ]  # fmt: skip
    assert events[0]["event"] == "lost the broker at redis:\nagain"
    assert events[0]["logger"] == "celery.worker.consumer"
    assert events[2]["exception"][0]["exc_value"] == "caught"
    assert [event["event"] for event in events[3:]] == ["thread_crashed", "process_crashed"]


def test_trouble_that_goes_on_is_told_once_and_so_is_its_end() -> None:
    trouble = telemetry.TroubleLog("store_away")
    with capture_logs() as events:
        for reason in ("no answer", "no answer", "no room"):
            trouble.note(reason)
        trouble.clear()
        trouble.clear()
    told = [(event["event"], event["reason"]) for event in events]
    assert told == [
        ("store_away", "no answer"),
        ("store_away", "no room"),
        ("store_away_over", "no room"),
    ]


ON_A_FULL_DISK = """
import sys
import structlog
from narration import telemetry
from narration.settings import TelemetrySettings
sys.stderr = open("/dev/full", "w")
telemetry.set_up_logging(TelemetrySettings(log_format="json"))
structlog.get_logger().warning("nobody_reads_this")
print("went on", flush=True)
"""


def test_a_log_that_cannot_be_written_stops_nothing() -> None:
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", ON_A_FULL_DISK]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout == "went on\n"


def test_steps_are_logged_with_a_time_of_the_host_that_only_grows() -> None:
    with capture_logs() as logs:
        telemetry.log_step("claimed", index=0)
        telemetry.log_step("spoken")
    assert [log["step"] for log in logs] == ["claimed", "spoken"]
    assert {log["log_level"] for log in logs} == {"debug"}
    assert logs[0]["at"] <= logs[1]["at"]
