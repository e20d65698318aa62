"""Events over real processes: after a lost server, clients resume without loss or repetition."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from narration.database import session_scope
from narration.jobs.events import list_events
from tests.api_process import Api
from tests.builders import make_text
from tests.cluster import Cluster

UNTOLD = {"chunk.accepted", "segment.done"}  # combined into job.progress


def listen(api: Api, path: str, last_id: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each event with where to resume, until the stream ends."""
    headers = {"Last-Event-ID": last_id}
    with httpx.stream("GET", api.url + path, headers=headers, timeout=60) as answer:
        resume_id = last_id
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                resume_id = value
            elif name == "data":
                yield resume_id, json.loads(value)


@pytest.mark.parametrize("is_of_one_job", [True, False], ids=["job", "owner"])
def test_killed_api_loses_and_doubles_no_event(
    api: Api, cluster: Cluster, is_of_one_job: bool
) -> None:
    job = api.client.post("/v1/jobs", json={"text": make_text(6), "outputs": ["mp3"]}).json()
    path, position = (job["urls"]["events"], "0") if is_of_one_job else ("/v1/events", "0-0")
    cluster.start_worker()
    event_data: list[tuple[int, str]] = []
    for last in ("job.planning", "job.rendering", "job.succeeded"):
        with suppress(httpx.TransportError):
            for resume_id, event in listen(api, path, position):
                position = resume_id
                if event["type"] != "job.progress":
                    event_data.append((event["number"], event["type"]))
                if event["type"] == last:
                    break
        api.kill()
        api.start()
    with session_scope(cluster.database, is_read_only=True) as session:
        events = [(event.number, event.type) for event in list_events(session, job["id"])]
    assert event_data == [event for event in events if event[1] not in UNTOLD]
