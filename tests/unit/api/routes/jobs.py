"""Shared by the tests of jobs over HTTP."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from api.deps import Resources

TEXT = "It was a bright cold day in April, and the clocks were striking thirteen."
BIG = b"A sentence that is repeated. " * 4000  # too large to be stored in a row


def submit(client: httpx.Client, **fields: object) -> dict[str, Any]:
    answer = client.post("/v1/jobs", json={"text": TEXT} | fields)
    assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
    job: dict[str, Any] = answer.json()
    return job


def stored_files(resources: Resources) -> list[Path]:
    return [path for path in resources.settings.objects_dir.rglob("*") if path.is_file()]
