"""Render one text to files on this machine: submit, watch, deliver. No HTTP and no tensors here."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import RhapsodeError
from narration.jobs.control import cancel_job
from narration.jobs.create import Destination
from narration.jobs.document import examine_all
from narration.jobs.listing import JobFilter, list_jobs
from narration.jobs.lookup import get_artifacts, get_job
from narration.jobs.purge import delete_job
from narration.jobs.record import Job
from narration.jobs.request import JobSettings
from narration.jobs.states import ENDED, JobState
from narration.jobs.stored import read_settings
from narration.jobs.submission import Submission
from narration.jobs.submit import Submitter
from narration.jobs.trouble import SHOWN_AT_ONCE
from narration.settings import DEFAULT_PROFILE
from narration.storage.keys import manifest_key
from narration.storage.write_check import WriteCheck
from rhapsode.machine import Machine
from rhapsode.outputs import Output, copy_whole, make_folder, place_of
from rhapsode.progress import Rendered

OWNER = "local"
POLL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A document that has been read and can be narrated."""

    name: str
    media_type: str
    data: bytes
    cover: bytes | None = None


class JobFailed(RhapsodeError):  # noqa: N818 - named after the state of the job
    """The narration failed."""

    code = "job_failed"


def render_text(
    machine: Machine,
    text: Text,
    settings: JobSettings,
    outputs: list[Output],
    on_progress: Callable[[Rendered], None],
) -> Job:
    """Narrate a text and deliver every output; speech of an earlier, interrupted run is reused.

    Raises: JobFailed with the job's own reason; OutputError if a file cannot be written.
    """
    _forget_leftovers(machine)
    job_id = _submit(machine, text, settings)
    try:
        job = _watch(machine, job_id, on_progress)
        _deliver(machine, job, outputs)
    finally:
        _cancel(machine, job_id)
    _delete(machine, job)
    return job


def _submit(machine: Machine, text: Text, settings: JobSettings) -> str:
    limits = machine.settings.limits
    submitter = Submitter(
        database=machine.database,
        stores=machine.stores,
        limits=limits,
        write_check=WriteCheck(machine.stores),
        examine=partial(examine_all, limits),  # no time limit: the user can interrupt the command
    )
    submission = Submission(
        owner=OWNER,
        name=text.name,
        media_type=text.media_type,
        data=text.data,
        settings=settings,
        destination=Destination(profile=DEFAULT_PROFILE, prefix="jobs"),
        cover=text.cover,
    )
    return submitter.submit(submission).job.id


def _watch(machine: Machine, job_id: str, on_progress: Callable[[Rendered], None]) -> Job:
    started = time.monotonic()
    while True:
        with session_scope(machine.database, is_read_only=True) as session:
            job = get_job(session, job_id)
        on_progress(_progress_of(job, time.monotonic() - started))
        if job.state in ENDED:
            break
        if job.trouble_code in SHOWN_AT_ONCE:
            raise JobFailed(f"{job.trouble_detail}; run the same command again to go on")
        if machine.worker.has_died.wait(POLL_S):
            raise JobFailed("the speech engine died: run the same command again to go on")
    if job.state is not JobState.SUCCEEDED:
        raise JobFailed((job.error and job.error.message) or f"the job is {job.state}")
    return job


def _progress_of(job: Job, elapsed_s: float) -> Rendered:
    return Rendered(
        state=job.state,
        chunks_done=job.chunks_done,
        chunks_total=job.chunks_total,
        audio_s=job.audio_ms / 1000,
        elapsed_s=elapsed_s,
    )


def _deliver(machine: Machine, job: Job, outputs: list[Output]) -> None:
    store = machine.stores.profile(job.destination_profile)
    with session_scope(machine.database, is_read_only=True) as session:
        delivered = get_artifacts(session, job.id)
    is_split = read_settings(job.settings).split is not None
    for output in outputs:
        for artifact in delivered:
            if Path(artifact.name).suffix == f".{output.format}":
                path = place_of(output, artifact.name, is_split=is_split)
                make_folder(path)
                with store.open(artifact.key) as stream:
                    copy_whole(stream, path)
    for path in {output.manifest_path for output in outputs}:
        with store.open(manifest_key(job.destination_prefix, job.id, job.revision)) as stream:
            copy_whole(stream, path)


def _forget_leftovers(machine: Machine) -> None:
    """Delete the jobs of earlier runs; their chunks are in the cache.

    The job of a killed run may be running again: it is canceled, and the next run deletes it.
    """
    with session_scope(machine.database, is_read_only=True) as session:
        old_jobs = list_jobs(session, OWNER, JobFilter(), cursor=None, limit=100).rows
    for job in old_jobs:
        if job.state in ENDED:
            _delete(machine, job)
        else:
            _cancel(machine, job.id)


def _cancel(machine: Machine, job_id: str) -> None:
    """Cancel a job that has not ended; it is not deleted, because its threads still use it."""
    with session_scope(machine.database) as session:
        cancel_job(session, job_id, owner=OWNER, now=utc_now())


def _delete(machine: Machine, job: Job) -> None:
    """Delete an ended job and what it stored; the chunk cache keeps the speech."""
    with session_scope(machine.database) as session:
        delete_job(session, machine.stores, job.id, now=utc_now())
