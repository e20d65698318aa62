"""Jobs of a service: submitted over HTTP, their stages read from its database."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from sqlalchemy import func, select

from narration.clock import utc_now
from narration.database import session_scope
from narration.jobs.record import Chunk, Event, Job, Part
from narration.jobs.states import ENDED, JobState
from narration.sound.waveform import SAMPLE_RATE_HZ
from tests.bench.service import Service

POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One job: seconds from its POST on."""

    what: str
    outputs: str
    hours: float
    chunks: int
    accepted_s: float
    planned_s: float | None
    first_part_s: float | None
    last_chunk_s: float | None
    last_part_s: float | None
    parts_left: int  # to be stored when the last chunk was spoken
    delivered_s: float | None
    x: float
    state: str
    accepted: list[int]  # chunks, second by second


HEAD = ("job", "outputs", "hours", "chunks", "accepted", "planned", "first part", "last chunk",
        "last part", "delivered", "x")  # fmt: skip


class Client:
    """Submits texts and reads their results."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.http = httpx.Client(base_url=service.url, timeout=60)

    def submit(self, what: str, text: str, outputs: list[str], **settings: Any) -> "Submitted":
        settings = {"quality": {"policy": "off"}, "outputs": outputs, **settings}
        return self._post(what, "/v1/jobs", {"text": text, **settings}, "+".join(outputs))

    def revise(self, what: str, original: "Submitted", text: str) -> "Submitted":
        path = f"/v1/jobs/{original.id}/revisions"
        return self._post(what, path, {"text": text}, original.outputs)

    def _post(self, what: str, path: str, body: dict[str, Any], outputs: str) -> "Submitted":
        posted_at = utc_now()
        answer = self.http.post(path, json=body)
        if answer.status_code != httpx.codes.ACCEPTED:
            raise RuntimeError(f"{what}: {answer.status_code} {answer.text[:500]}")
        accepted_s = (utc_now() - posted_at).total_seconds()
        return Submitted(what, answer.json()["id"], posted_at, accepted_s, outputs)

    def cancel(self, job_id: str) -> None:
        self.http.post(f"/v1/jobs/{job_id}/cancel").raise_for_status()

    def wait(self, submitted: "Submitted", timeout_s: float, until: str = "end") -> Row:
        """Wait for the end of a job, or for its first part, and return its stages."""
        ends_at = time.monotonic() + timeout_s
        shown_at = time.monotonic()
        while time.monotonic() < ends_at:
            job = self._job(submitted.id)
            if job.state in ENDED or (until == "first part" and self._stored(submitted.id)):
                break
            if time.monotonic() - shown_at > 5:
                shown_at = time.monotonic()
                say(f"  {submitted.what}: {job.state} {job.chunks_done} of {job.chunks_total}")
            time.sleep(POLL_S)
        return self.row(submitted)

    def row(self, submitted: "Submitted") -> Row:
        job = self._job(submitted.id)
        with session_scope(self.service.database, is_read_only=True) as session:
            samples = session.scalar(
                select(func.sum(Chunk.samples)).where(Chunk.job_id == submitted.id)
            )
            times = dict(
                session.execute(
                    select(Event.type, func.max(Event.created_at))
                    .where(Event.job_id == submitted.id)
                    .group_by(Event.type)
                ).all()
            )
            moments = session.scalars(
                select(Event.created_at).where(
                    Event.job_id == submitted.id, Event.type == "chunk.accepted"
                )
            ).all()
            first = session.scalar(
                select(func.min(Event.created_at)).where(
                    Event.job_id == submitted.id, Event.type == "part.stored"
                )
            )
            parts_left = session.scalar(
                select(func.count()).where(
                    Event.job_id == submitted.id,
                    Event.type == "part.stored",
                    Event.created_at > times.get("chunk.accepted", submitted.posted_at),
                )
            )
        since = submitted.seconds_to
        delivered_s = since(job.ended_at) if job.state is JobState.SUCCEEDED else None
        hours = (samples or 0) / SAMPLE_RATE_HZ / 3600
        return Row(
            what=submitted.what,
            outputs=submitted.outputs,
            hours=hours,
            chunks=job.chunks_total,
            accepted_s=submitted.accepted_s,
            planned_s=since(job.planned_at),
            first_part_s=since(first),
            last_chunk_s=since(times.get("chunk.accepted")),
            last_part_s=since(times.get("part.stored")),
            parts_left=parts_left or 0,
            delivered_s=delivered_s,
            x=hours * 3600 / delivered_s if delivered_s else 0.0,
            state=job.state,
            accepted=_count_by_second(submitted.posted_at, moments),
        )

    def _job(self, job_id: str) -> Job:
        with session_scope(self.service.database, is_read_only=True) as session:
            return session.get_one(Job, job_id)

    def _stored(self, job_id: str) -> bool:
        with session_scope(self.service.database, is_read_only=True) as session:
            part = session.get(Part, (job_id, 0))
            return part is not None and part.state == "stored"


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job that was accepted, with the moment before its POST."""

    what: str
    id: str
    posted_at: datetime
    accepted_s: float
    outputs: str

    def seconds_to(self, moment: datetime | None) -> float | None:
        return None if moment is None else (moment - self.posted_at).total_seconds()


def _count_by_second(since: datetime, moments: Sequence[datetime]) -> list[int]:
    counts: list[int] = []
    for moment in sorted(moments):
        second = int((moment - since).total_seconds())
        counts += [0] * (second + 1 - len(counts))
        counts[second] += 1
    return counts


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def show(row: Row) -> str:
    stages = (row.accepted_s, row.planned_s, row.first_part_s, row.last_chunk_s, row.last_part_s,
              row.delivered_s)  # fmt: skip
    times = [" -" if seconds is None else f"{seconds:.2f} s" for seconds in stages]
    facts = (row.what, row.outputs, f"{row.hours:.3f}", str(row.chunks), *times, f"{row.x:.0f}")
    left = f" | {row.parts_left} parts were left at the last chunk" if row.parts_left else ""
    return " | ".join(facts) + left + ("" if row.delivered_s else f" | {row.state}")
