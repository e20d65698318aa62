"""Event consumers while faults are injected: a stream that resumes, and a webhook's receiver.

What both received is compared with the events in the database at the end.
"""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx
from sqlalchemy import select

from api.event_stream import SUMMED_UP
from narration.clock import utc_now
from narration.database import session_scope
from narration.jobs.record import Event
from narration.webhooks import endpoints
from narration.webhooks.messages import TYPES
from narration.webhooks.record import DeliveryState, WebhookDelivery
from tests.api_process import Api
from tests.builders import OWNER
from tests.cluster import Cluster, wait_for
from tests.faults.verdict import (
    STREAM_DOUBLED,
    STREAM_LOST,
    UNSIGNED,
    WEBHOOK_DOUBLED,
    WEBHOOK_LOST,
    Verdict,
)
from tests.receiver import Received, Receiver, answering, open_receiver

ALL_TOLD_S = 180.0  # a message that failed twice waits half a minute
RETRY_S = 0.2
READ_S = 20.0  # longer than a heartbeat
FAILING = 0.2  # of the first attempts

Told = tuple[str, int]  # job, number


class StreamListener:
    """Follows all events of an owner over HTTP, and resumes after interruptions."""

    def __init__(self, url: str) -> None:
        self.heard: list[Told] = []
        self.resumed = 0
        self._url = url
        self._last_id = "0-0"
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._is_over.set()
        self._thread.join(READ_S + 5)

    def _run(self) -> None:
        with httpx.Client(timeout=READ_S) as client:
            while not self._is_over.is_set():
                try:
                    self._listen(client)
                except httpx.HTTPError:
                    self.resumed += 1
                self._is_over.wait(RETRY_S)

    def _listen(self, client: httpx.Client) -> None:
        headers = {"Last-Event-ID": self._last_id}
        with client.stream("GET", f"{self._url}/v1/events", headers=headers) as answer:
            fields: dict[str, str] = {}
            for line in answer.iter_lines():
                if self._is_over.is_set():
                    return
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                    continue
                self._hear(fields)
                fields = {}

    def _hear(self, fields: dict[str, str]) -> None:
        if "data" in fields:
            event: Any = httpx.Response(200, content=fields["data"]).json()
            if "number" in event:
                self.heard.append((event["job_id"], event["number"]))
        self._last_id = fields.get("id", self._last_id)


class Audience:
    """Both consumers, and what they must have received in the end."""

    def __init__(self, cluster: Cluster, api: Api, receiver: Receiver, seed: int) -> None:
        self._cluster = cluster
        self._receiver = receiver
        self._random = random.Random(seed)
        self._first: set[str] = set()
        self._unsigned: list[str] = []
        receiver.answer = self._answer
        with session_scope(cluster.database) as session:
            self._secret = endpoints.create_webhook(
                session, owner=OWNER, url=receiver.url, types=TYPES, most=1, now=utc_now()
            ).secret
        self.listener = StreamListener(api.url)

    def counts(self) -> dict[str, int]:
        """Return the statistics of both consumers."""
        again = len(self._receiver.received) - len(set(self._receiver.ids()))
        return {"streams resumed": self.listener.resumed, "webhook messages sent again": again}

    def judge(self, job_ids: Collection[str], verdict: Verdict) -> None:
        """Wait until everything is delivered, then compare."""
        told = self._told(job_ids)
        with suppress(TimeoutError):  # the verdict says what is missing
            wait_for(lambda: self._has_heard(told), ALL_TOLD_S, "end of telling")
        self.listener.close()
        self._judge_stream(told, verdict)
        self._judge_webhook(told, verdict)

    def _answer(self, handler: BaseHTTPRequestHandler, message: Received) -> None:
        if not message.is_signed_with(self._secret):  # which it stays for some minutes only
            self._unsigned.append(message.id)
        is_first = message.id not in self._first
        self._first.add(message.id)
        is_failing = is_first and self._random.random() < FAILING
        if is_failing and self._random.random() < 0.5:
            time.sleep(1)
        answering(500 if is_failing else 204)(handler, message)

    def _told(self, job_ids: Collection[str]) -> dict[Told, str]:
        with session_scope(self._cluster.database, is_read_only=True) as session:
            query = select(Event.job_id, Event.number, Event.type)
            rows = session.execute(query.where(Event.job_id.in_(job_ids))).all()
        return {(row.job_id, row.number): row.type for row in rows}

    def _has_heard(self, told: dict[Told, str]) -> bool:
        with session_scope(self._cluster.database, is_read_only=True) as session:
            is_pending = WebhookDelivery.state == DeliveryState.PENDING
            is_sending = session.scalar(select(WebhookDelivery.id).where(is_pending).limit(1))
        has_arrived = _wanted_by_webhook(told) <= {_of(each) for each in self._receiver.received}
        has_streamed = _wanted_by_stream(told) <= set(self.listener.heard)
        return is_sending is None and has_arrived and has_streamed

    def _judge_stream(self, told: dict[Told, str], verdict: Verdict) -> None:
        heard = Counter(self.listener.heard)
        for event in sorted(_wanted_by_stream(told) - set(heard)):
            verdict.add(STREAM_LOST, f"{event} {told[event]}")
        for event, count in heard.items():
            if count > 1:
                verdict.add(STREAM_DOUBLED, f"{event} {count} times")

    def _judge_webhook(self, told: dict[Told, str], verdict: Verdict) -> None:
        ids: dict[Told, set[str]] = defaultdict(set)
        for message in self._receiver.received:
            ids[_of(message)].add(message.id)
        for message_id in self._unsigned:
            verdict.add(UNSIGNED, message_id)
        for event in sorted(_wanted_by_webhook(told) - set(ids)):
            verdict.add(WEBHOOK_LOST, f"{event} {told[event]}")
        for event, different in ids.items():
            if len(different) > 1:
                verdict.add(WEBHOOK_DOUBLED, f"{event}: {sorted(different)}")


@contextmanager
def open_audience(cluster: Cluster, api: Api, seed: int) -> Iterator[Audience]:
    with open_receiver() as receiver:
        audience = Audience(cluster, api, receiver, seed)
        try:
            yield audience
        finally:
            audience.listener.close()


def _of(message: Received) -> Told:
    data = message.content["data"]
    return data["job_id"], data["number"]


def _wanted_by_webhook(told: dict[Told, str]) -> set[Told]:
    return {event for event, kind in told.items() if kind in TYPES}


def _wanted_by_stream(told: dict[Told, str]) -> set[Told]:
    return {event for event, kind in told.items() if kind not in SUMMED_UP}
