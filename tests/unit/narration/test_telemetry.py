import re
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

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
