"""Sends events as server-sent events: which are sent at once, which are summed up.

A spoken chunk gets no message of its own, because a book has thousands. Chunks are summed up as
`job.progress`, at most once a second per job, with the job's current progress.

Source: HTML, server-sent events (text/event-stream).
"""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from api.following import Follower
from api.polling import JobReader
from api.presentation import event_body, progress_body
from api.schemas import EventBody, EventData
from api.topics import position_of
from narration.clock import utc_now
from narration.errors import NotFoundError
from narration.jobs.events import JobEvent, Position
from narration.jobs.states import ENDED

MEDIA_TYPE = "text/event-stream"
HEARTBEAT_S = 15.0  # proxies close connections that are silent for half a minute
PROGRESS_S = 1.0
RECONNECT_MS = 2000
PROGRESS = "job.progress"
SHARED_FRAMES = 256
SUMMED_UP = frozenset({"chunk.accepted", "segment.done", "segment.failed"})
LAST = frozenset({f"job.{state.value}" for state in ENDED} | {"job.deleted"})


@dataclass(slots=True, kw_only=True)
class _PendingProgress:
    """Jobs with unsent progress, and when each job's progress was last sent."""

    jobs: dict[str, str] = field(default_factory=dict)  # id -> owner
    sent_at: dict[str, float] = field(default_factory=dict)

    def due(self, now: float) -> list[str]:
        """Return the jobs whose progress is due."""
        return [job for job in self.jobs if now - self.sent_at.get(job, 0.0) >= PROGRESS_S]

    def forget(self, job_id: str) -> None:
        """Send no more progress of a job that has ended."""
        self.jobs.pop(job_id, None)
        self.sent_at.pop(job_id, None)

    def wait_s(self, now: float) -> float:
        """Return the time until the next job is due."""
        if not self.jobs:
            return HEARTBEAT_S
        last = min(self.sent_at.get(job, 0.0) for job in self.jobs)
        return min(HEARTBEAT_S, max(0.0, last + PROGRESS_S - now))


@dataclass(slots=True, kw_only=True)
class SharedFrames:
    """Writes an event once for all clients that are sent it at about the same time."""

    _frames: OrderedDict[tuple[str, str, int], str] = field(default_factory=OrderedDict)

    def frame(self, event_id: str, event: JobEvent) -> str:
        """Return an event as it is sent; ids differ between streams of a job and of an owner."""
        key = (event_id, event.job_id, event.number)
        if key not in self._frames:
            self._frames[key] = _frame(event_id, event_body(event))
            while len(self._frames) > SHARED_FRAMES:
                self._frames.popitem(last=False)
        return self._frames[key]


@dataclass(slots=True, kw_only=True)
class EventStream:
    """One client's stream of events."""

    follower: Follower
    reader: JobReader
    frames_of: "SharedFrames"
    is_of_one_job: bool
    has_ended: bool = False  # the job has ended: close the stream once everything is sent
    _pending: _PendingProgress = field(default_factory=_PendingProgress)
    _last_id: str = ""
    _sent_at: float = field(default_factory=time.monotonic)

    async def frames(self, is_closing: Callable[[], bool]) -> AsyncIterator[str]:
        """Yield the stream piece by piece until the client, the job or the server ends."""
        self._last_id = self._name(self.follower.position)
        # The position comes first, so that a client that disconnects at once can resume.
        yield f"retry: {RECONNECT_MS}\nid: {self._last_id}\n\n"
        while not is_closing():
            frames = self._frames_of(await self.follower.next(self._wait_s()))
            if frames:  # together: each piece costs a call to the system
                yield self._mark_sent("".join(frames))
            for job_id in self._pending.due(time.monotonic()):
                body = await self._progress(job_id)
                if body is not None:
                    yield self._mark_sent(_frame(self._last_id, body))
            if self.has_ended and self.is_of_one_job and self.follower.is_live:
                return
            if time.monotonic() - self._sent_at >= HEARTBEAT_S:
                yield self._mark_sent(": heartbeat\n\n")

    def _frames_of(self, events: Iterable[JobEvent]) -> list[str]:
        """Return the messages of events, and record those that are only summed up."""
        frames = []
        for event in events:
            self._last_id = self._name(position_of(event, self.follower.key))
            if not self._record(event):
                frames.append(self.frames_of.frame(self._last_id, event))
        return frames

    def _wait_s(self) -> float:
        now = time.monotonic()
        return min(self._pending.wait_s(now), max(0.0, self._sent_at + HEARTBEAT_S - now))

    def _mark_sent(self, frames: str) -> str:
        self._sent_at = time.monotonic()
        return frames

    def _record(self, event: JobEvent) -> bool:
        """Return whether an event is only summed up; record it, or the end of its job."""
        if event.type in SUMMED_UP:
            self._pending.jobs[event.job_id] = event.owner
            return True
        if event.type.startswith("job."):
            self.has_ended = event.type in LAST
            if self.has_ended:
                self._pending.forget(event.job_id)
        return False

    async def _progress(self, job_id: str) -> EventBody | None:
        owner = self._pending.jobs.pop(job_id)
        self._pending.sent_at[job_id] = time.monotonic()
        try:
            job = await self.reader.read(job_id, owner)
        except NotFoundError:
            return None  # it was deleted, which has an event of its own
        now = utc_now()
        return EventBody(
            id=f"{job_id}/progress",
            type=PROGRESS,
            job_id=job_id,
            created_at=now,
            data=EventData(state=job.state, progress=progress_body(job, now)),
        )

    def _name(self, position: Position) -> str:
        return str(position.id) if self.is_of_one_job else str(position)


def _frame(event_id: str, body: EventBody) -> str:
    data = body.model_dump_json(exclude_none=True)  # JSON without line breaks
    return f"id: {event_id}\nevent: {body.type}\ndata: {data}\n\n"
