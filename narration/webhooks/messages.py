"""The messages of webhooks: an event as a small body, the same at every attempt.

Source: Standard Webhooks 1.0.0, "Payload structure".
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from narration.errors import public_message
from narration.jobs.events import JobEvent
from narration.jobs.states import ChunkState, JobState

# No events of single chunks, segments and parts: a book has thousands of each.
JOB_TYPES = (*(f"job.{state.value}" for state in JobState), "job.deleted")
TYPES = (
    *JOB_TYPES,
    f"chunk.{ChunkState.FLAGGED.value}",
    f"chunk.{ChunkState.FAILED.value}",
    "chunks.reset",
)
TEST_TYPE = "webhook.test"
MOST_ITEMS, MOST_CHARS = 100, 1000
_FIELDS = ("attempt", "revision", "artifacts", "chunk", "take", "flags", "count", "first", "last")


def event_message(event: JobEvent) -> str:
    """Return the body for an event; its fields are those of the event streams."""
    data: dict[str, Any] = {"job_id": event.job_id, "number": event.number}
    data |= {name: _short(event.payload[name]) for name in _FIELDS if name in event.payload}
    error = event.payload.get("error")
    if isinstance(error, Mapping):
        code = str(error.get("code", "internal"))
        data["error"] = {
            "code": code,
            "detail": public_message(code, str(error.get("message", "")))[:MOST_CHARS],
            "retryable": bool(error.get("is_retryable")),
        }
    elif error is not None:  # a chunk's error is a plain message
        data["detail"] = str(error)[:MOST_CHARS]
    return _body(event.type, event.created_at, data)


def testing_message(webhook_id: str, now: datetime) -> str:
    """Return the body of a test message."""
    return _body(TEST_TYPE, now, {"webhook_id": webhook_id})


def _short(value: Any) -> Any:
    """Shorten a long list: a book may be delivered in a thousand files."""
    return value[:MOST_ITEMS] if isinstance(value, list) else value


def _body(kind: str, moment: datetime, data: Mapping[str, Any]) -> str:
    timestamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    content = {"type": kind, "timestamp": timestamp, "data": data}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
