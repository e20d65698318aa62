"""Listening to a job while it is narrated: a live playlist of its parts, and their sound."""

import hashlib
from typing import Annotated, Any

from fastapi import Header, Path, Request, Response

from api.deps import JobId, MediaOwner, WithMediaLinks, WithResources
from api.openapi import FILE, problems
from api.playlist import MEDIA_TYPE, write_playlist
from api.presentation import job_path
from api.routing import Router
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import GoneError
from narration.jobs.listen import find_segment, gone_message, keep_sounds, read_stream
from narration.jobs.lookup import get_job
from narration.mp4.aac import PACKET, init_segment
from narration.mp4.packets import write_fragment

SOUND = "audio/mp4"
TEXT = {"type": "string"}
INIT_S = 86_400  # the same for every job
SEGMENT_S = 300  # a job's level may be corrected at its end
SOUND_ANSWER: dict[str, Any] = {
    "description": "AAC in fragmented MP4",
    "content": {SOUND: {"schema": FILE}},
}
SegmentName = Annotated[str, Path(pattern=r"^[0-9]{1,6}-[0-9]{1,6}\.m4s$")]

router = Router(prefix="/v1/jobs", tags=["listening"], responses=problems(401, 403))


@router.get(
    "/{job_id}/listen.m3u8",
    response_class=Response,
    responses={
        200: {"description": "The playlist", "content": {MEDIA_TYPE: {"schema": TEXT}}},
        304: {"description": "It is as `If-None-Match` knows it"},
        **problems(404, 409, 410),
    },
    summary="Listen to a job while it is narrated",
)
def get_playlist(
    job_id: JobId,
    resources: WithResources,
    owner: MediaOwner,
    links: WithMediaLinks,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Return a live HLS playlist of what is spoken so far; complete once the job has ended.

    The URL in the job's `urls` needs no key, nor do the URLs in the playlist. 409 until the first
    seconds are encoded; 410 once the parts of an ended job were deleted.
    """
    now = utc_now()
    with session_scope(resources.database, is_read_only=True) as session:
        stream = read_stream(session, job_id, owner=owner, now=now)
    if stream.was_idle:
        with session_scope(resources.database) as session:
            keep_sounds(session, owner, (s.sha256 for s in stream.segments), now=now)
    folder = f"{job_path(job_id)}/listen"

    def address(name: str) -> str:
        # Relative to the playlist, so that they are correct behind any prefix.
        return f"listen/{name}{links.query(f'{folder}/{name}')}"

    text = write_playlist(
        stream, address("init.mp4"), lambda part, piece: address(f"{part}-{piece}.m4s")
    )
    headers = {"ETag": _etag(text), "Cache-Control": "private, no-cache"}
    if if_none_match is not None and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type=MEDIA_TYPE, headers=headers)


@router.get(
    "/{job_id}/listen/init.mp4",
    response_class=Response,
    responses={200: SOUND_ANSWER, **problems(404)},
    summary="Fetch the init segment",
)
def get_init_segment(job_id: JobId, resources: WithResources, owner: MediaOwner) -> Response:
    """Return the init segment that a player needs first; the playlist refers to it."""
    with session_scope(resources.database, is_read_only=True) as session:
        get_job(session, job_id, owner=owner)
    headers = {"Cache-Control": f"private, max-age={INIT_S}"}
    return Response(init_segment(), media_type=SOUND, headers=headers)


@router.get(
    "/{job_id}/listen/{segment}",
    response_class=Response,
    responses={200: SOUND_ANSWER, **problems(404, 410)},
    summary="Fetch a media segment",
)
def get_segment(
    job_id: JobId,
    segment: SegmentName,
    request: Request,
    resources: WithResources,
    owner: MediaOwner,
) -> Response:
    """Return a media segment of the playlist: AAC in an MP4 fragment."""
    part, _, piece = segment.removesuffix(".m4s").partition("-")
    with session_scope(resources.database, is_read_only=True) as session:
        media = find_segment(session, job_id, owner=owner, part=int(part), number=int(piece))
    try:
        packets = request.app.state.parts.read(media.sha256)
    except GoneError as error:
        with session_scope(resources.database, is_read_only=True) as session:
            raise GoneError(gone_message(session, job_id)) from error
    fragment = write_fragment(
        packets.slice(media.start, media.stop),
        PACKET,
        sequence=media.number + 1,
        time=media.at * PACKET,
    )
    headers = {"Cache-Control": f"private, max-age={SEGMENT_S}"}
    return Response(fragment, media_type=SOUND, headers=headers)


def _etag(text: str) -> str:
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
