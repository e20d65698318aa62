"""Waiting for a job within a request: the `wait` of RFC 7240 and of the query."""

import asyncio
import re
import time
from collections.abc import Callable

from api.following import GAP_S, EventFeed
from api.polling import JobReader
from narration.jobs.record import Job

MAX_WAIT_S = 60  # proxies cut off longer requests
_WAIT = re.compile(r"wait\s*=\s*\"?([0-9]{1,6})\"?", re.IGNORECASE)


def preferred_wait_s(prefer: str | None) -> int | None:
    """Return how long a `Prefer` header asks to wait, at most MAX_WAIT_S; None if not at all.

    Source: RFC 7240, 4.3; unknown preferences are ignored, as it requires.
    """
    for preference in (prefer or "").split(","):
        match = _WAIT.fullmatch(preference.partition(";")[0].strip())
        if match is not None:
            return min(int(match[1]), MAX_WAIT_S)
    return None


def prefers_async(prefer: str | None) -> bool:
    """Return whether a `Prefer` header asks for a response before the work is done.

    Source: RFC 7240, 4.1.
    """
    preferences = (preference.partition(";")[0].strip() for preference in (prefer or "").split(","))
    return any(preference.lower() == "respond-async" for preference in preferences)


async def wait_for_job(
    feed: EventFeed,
    reader: JobReader,
    job_id: str,
    owner: str,
    *,
    until: Callable[[Job], bool],
    timeout_s: float,
) -> Job:
    """Return an owner's job once `until` holds, or when the time is up.

    Raises: NotFoundError, DatabaseUnavailable.
    """
    deadline = time.monotonic() + timeout_s
    with feed.topic(owner, job_id) as topic:
        while True:
            version = topic.version
            job = await reader.read(job_id, owner)
            left_s = deadline - time.monotonic()
            if until(job) or left_s <= 0 or feed.is_closing():
                return job
            if await topic.wait_for_notice(left_s, since=version):
                await asyncio.sleep(GAP_S)  # changes that arrive together are read together
