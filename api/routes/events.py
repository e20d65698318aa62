"""Server-sent events of one job, or of all the caller's jobs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.deps import FollowingOwner, JobId, Resources, WithResources
from api.event_stream import MEDIA_TYPE, EventStream
from api.openapi import problems
from api.routing import Router
from narration.database import session_scope
from narration.errors import FieldsError, NotFoundError
from narration.jobs.event_pages import read_job_events
from narration.jobs.events import Position, place_to_resume, present_position
from narration.jobs.states import ENDED

if TYPE_CHECKING:
    from api.event_stream import SharedFrames
    from api.following import EventFeed
    from api.polling import JobReader

HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}  # otherwise nginx buffers the stream
BODY = "One `EventBody` as JSON in each `data` line; `event` is its type, `id` where to resume."
STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": BODY, "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}},
}

T = TypeVar("T")
router = Router(prefix="/v1", tags=["events"], responses=problems(401))
LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=64)]
After = Annotated[str | None, Query(max_length=64, description="where to start; see `id`")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a client follows and from where; without a job, all jobs of the owner."""

    owner: str
    job_id: str = ""
    after: Position
    has_ended: bool = False


class EventResponse(StreamingResponse):
    """Follows a topic for as long as the client listens."""

    def __init__(self, request: Request, start: Start) -> None:
        self._feed: EventFeed = request.app.state.feed
        self._reader: JobReader = request.app.state.reader
        self._frames: SharedFrames = request.app.state.frames
        self._start = start
        super().__init__(iter(()), media_type=MEDIA_TYPE, headers=HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client, the job or the server ends."""
        start = self._start
        with self._feed.follow(start.owner, start.job_id, after=start.after) as follower:
            stream = EventStream(
                follower=follower,
                reader=self._reader,
                frames_of=self._frames,
                is_of_one_job=bool(start.job_id),
                has_ended=start.has_ended,
            )
            self.body_iterator = stream.frames(self._feed.is_closing)
            await super().__call__(scope, receive, send)


@router.get(
    "/jobs/{job_id}/events",
    response_class=Response,
    responses={
        **STREAM,
        204: {"description": "All events were sent; do not reconnect"},
        **problems(404),
    },
    summary="Follow a job",
)
async def follow_job(  # noqa: PLR0917 - FastAPI fills them in by name
    job_id: JobId,
    request: Request,
    resources: WithResources,
    owner: FollowingOwner,
    last_event_id: LastEventId = None,
    after: After = None,
) -> Response:
    """Stream the job's past and future events until it has ended.

    `Last-Event-ID` or `after` is the number of the last event already received.
    """
    number = _parsed(_number, last_event_id, after) or 0
    start = await _start_of_job(request, resources, owner, job_id, number)
    # 204 makes a browser stop reconnecting.
    if start.has_ended and last_event_id is not None and await _is_all_told(request, start):
        return Response(status_code=204)
    return _stream(request, start)


@router.get("/events", response_class=Response, responses=STREAM, summary="Follow all jobs")
async def follow_jobs(
    request: Request,
    resources: WithResources,
    owner: FollowingOwner,
    last_event_id: LastEventId = None,
    after: After = None,
) -> Response:
    """Stream the events of the caller's jobs from now on, or after an event's `id`.

    The stream does not end by itself. Events are kept for 30 days; `after=0-0` starts with the
    oldest.
    """
    position = _parsed(Position.parse, last_event_id, after)
    after_place = await run_in_threadpool(_place, resources, position)
    return _stream(request, Start(owner=owner, after=after_place))


def _stream(request: Request, start: Start) -> Response:
    if request.method == "HEAD":
        return Response(media_type=MEDIA_TYPE, headers=HEADERS)
    return EventResponse(request, start)


async def _start_of_job(
    request: Request, resources: Resources, owner: str, job_id: str, number: int
) -> Start:
    """Return where to start. A deleted job can be followed until all its events were sent."""
    reader: JobReader = request.app.state.reader
    try:
        job = await reader.read(job_id, owner)
    except NotFoundError:
        if not await run_in_threadpool(_has_events, resources, owner, job_id, number):
            raise
        has_ended = True
    else:
        number = min(number, job.events)
        has_ended = job.state in ENDED
    after = Position(transaction=0, id=number)
    return Start(owner=owner, job_id=job_id, after=after, has_ended=has_ended)


async def _is_all_told(request: Request, start: Start) -> bool:
    feed: EventFeed = request.app.state.feed
    return not (await feed.read((start.owner, start.job_id), start.after)).events


def _has_events(resources: Resources, owner: str, job_id: str, number: int) -> bool:
    with session_scope(resources.database, is_read_only=True) as session:
        page = read_job_events(session, job_id, owner=owner, after=number, limit=1)
    return bool(page.events)


def _place(resources: Resources, position: Position | None) -> Position:
    with session_scope(resources.database, is_read_only=True) as session:
        if position is None:
            return present_position(session)
        return place_to_resume(session, position)


def _number(text: str) -> int:
    if not text.isdecimal() or not text.isascii() or int(text) >= 2**31:
        raise ValueError(f"{text!r} is not the number of an event")
    return int(text)


def _parsed(parse: Callable[[str], T], header: str | None, parameter: str | None) -> T | None:
    """Read where to resume; the header wins, because a browser sends it when it reconnects."""
    name, text = ("after", parameter) if header is None else ("Last-Event-ID", header)
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise FieldsError([{"pointer": f"/{name}", "detail": str(error)}]) from error
