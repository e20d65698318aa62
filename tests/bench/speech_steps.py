"""Where the delay of streamed speech goes: reads the steps that processes log at level `debug`.

Times are of the host's monotonic clock, so the steps of all processes of one host can be compared.
"""

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

STEPS = {
    "asked": "",
    "received": "request received by the API",
    "read": "body read",
    "on_thread": "a thread has the text",
    "laid_out": "text laid out, in a process",
    "written": "job, plan and chunks written",
    "called": "committed, call heard by a worker",
    "claimed": "segment claimed",
    "settings_read": "settings, chunks and voice read",
    "cache_read": "chunk cache read",
    "handed_over": "first chunk handed to the engine",
    "admitted": "engine: admitted",
    "joined": "engine: joined T3's batch",
    "first_token": "engine: first token",
    "last_token": "engine: last token",
    "sound_began": "engine: batch of sound begins",
    "sound_made": "engine: sound made and watermarked",
    "spoken": "the segment's thread has the sound",
    "noticed": "take judged and measured, sound heard by the API",
    "fetched": "sound decoded and levelled",
    "encoded": "first block encoded",
    "heard": "first byte received by the client",
}
AT_ONCE = ("t3_batch", "sound_batch", "tokens")
SETTLE_S = 0.5  # for processes to write the last lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, by the client's clock: the same as the server's, on one host."""

    request_id: str
    job_id: str
    asked_at: float
    heard_at: float


def tables(asked: list[Asked], folder: Path) -> list[Table]:
    """Return the time of each step, and the company that the utterances had in the engine."""
    times = read_times(asked, folder)
    return [_by_step(times), _company(times)]


def read_times(asked: list[Asked], folder: Path) -> list[dict[str, float]]:
    """Return when each request reached which step, by the logs in a folder."""
    time.sleep(SETTLE_S)
    events = list(_events(folder))
    calls = sorted(event["at"] for event in events if event["step"] == "called")
    return [_times(one, events, calls) for one in asked]


def _events(folder: Path) -> Iterator[dict[str, Any]]:
    for log in sorted(folder.glob("*.log")):
        for line in log.read_text(errors="replace").splitlines():
            if '"event": "step"' in line:
                event: dict[str, Any] = json.loads(line)
                yield event
                for step, at in event.get("engine", {}).items():
                    yield {"step": step, "at": at, "job_id": event["job_id"]}


def _times(asked: Asked, events: Iterable[dict[str, Any]], calls: list[float]) -> dict[str, float]:
    times = {"asked": asked.asked_at, "heard": asked.heard_at}
    for event in events:
        is_ours = asked.request_id == event.get("request_id") or asked.job_id == event.get("job_id")
        if is_ours and (event["at"] <= asked.heard_at or event["step"] in AT_ONCE):
            times[event["step"]] = event["at"]
    heard = [at for at in calls if at < times.get("claimed", 0.0)]
    return times | ({"called": heard[-1]} if heard else {})


def _by_step(times: list[dict[str, float]]) -> Table:
    table = Table(title=f"Steps of {len(times)} requests, in ms")
    table.add_column("step")
    for name in ("p50", "p95", "longest", "p50 since the request", "p95"):
        table.add_column(name, justify="right")
    for step, meaning in list(STEPS.items())[1:]:
        reached = [one for one in times if step in one]
        if not reached:
            continue
        took = [one[step] - one[_before(step, one)] for one in reached]
        since = [one[step] - one["asked"] for one in reached]
        figures = [*np.percentile(took, [50, 95, 100]), *np.percentile(since, [50, 95])]
        table.add_row(meaning, *(f"{1000 * seconds:.1f}" for seconds in figures))
    return table


def _before(step: str, times: dict[str, float]) -> str:
    names = list(STEPS)
    return next(name for name in reversed(names[: names.index(step)]) if name in times)


def _company(times: list[dict[str, float]]) -> Table:
    table = Table(title="In the engine")
    for name in ("", "least", "p50", "most"):
        table.add_column(name, justify="right")
    for name in AT_ONCE:
        numbers = [one[name] for one in times if name in one]
        if numbers:
            figures = np.percentile(numbers, [0, 50, 100])
            table.add_row(name, *(f"{number:.0f}" for number in figures))
    return table
