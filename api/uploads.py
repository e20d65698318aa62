"""Accepts uploads on separate threads, and reads them in processes that can be stopped.

However many uploads are being read, the threads of other requests stay free, and whoever waits for
the sound of a short text finds a process that does nothing else.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import anyio
from anyio.to_thread import run_sync

from api.bodies import Upload
from api.deps import Resources
from api.together import Together
from narration.bounded import BoundedCalls
from narration.documents.kinds import is_compressed
from narration.jobs.document import examine_all_apart
from narration.jobs.draft import Draft, DraftOptions, SourceFile, draft_apart, rehearse_draft
from narration.jobs.kept_plan import KeptPlan
from narration.jobs.plans import Planner, plan_apart
from narration.jobs.record import Job
from narration.jobs.request import JobSettings
from narration.jobs.revise import NewText, make_revision
from narration.jobs.submission import Submission, Submitted, shared_by
from narration.jobs.submit import Submitter
from narration.jobs.urgent import UrgentSubmitter
from narration.keys.scopes import Allowance
from narration.storage.write_check import WriteCheck
from narration.voices import enrol
from narration.voices.enrol import Enrolled, Enrolment
from narration.voices.notes import VoiceNotes
from narration.voices.recording import RecordingLimits

T = TypeVar("T")
THREADS = 64
WAIT_S = 30.0  # for a process that reads
CALLS = 2  # for submissions that came at the same time: a slow text delays those of one call
MOST_TOGETHER = 32  # submissions of a call
SHORT_BYTES = 16 * 1024  # longer texts are submitted one by one
SPEECH_READERS = 2  # a text takes them some milliseconds
READERS = ("narration.jobs.draft", "narration.jobs.plans", "narration.voices.enrol")


class Uploads:
    """The threads and processes that accept uploads; used from one event loop."""

    def __init__(self, resources: Resources) -> None:
        limits = resources.settings.limits
        self._resources = resources
        self._limiter = anyio.CapacityLimiter(THREADS)
        memory_bytes = limits.reader_memory_bytes
        self._calls = BoundedCalls(
            processes=limits.readers, memory_bytes=memory_bytes, wait_s=WAIT_S, preload=READERS
        )
        self._speech_calls = BoundedCalls(
            processes=SPEECH_READERS,
            memory_bytes=memory_bytes,
            wait_s=WAIT_S,
            preload=READERS,
            rehearse=rehearse_draft,
            is_background=False,
        )
        self._submitter = Submitter(
            database=resources.database,
            stores=resources.stores,
            limits=limits,
            write_check=WriteCheck(resources.stores),
            examine=partial(examine_all_apart, self._calls, limits),
        )
        self._together = Together(
            self._submitter.submit_together, alone_with=shared_by, calls=CALLS, most=MOST_TOGETHER
        )
        self._urgent = UrgentSubmitter(
            database=resources.database,
            limits=limits,
            lay_out=self._lay_out,
            segment_chunks=resources.settings.worker.segment_chunks,
        )
        self._planner = Planner(
            database=resources.database,
            stores=resources.stores,
            limits=limits,
            plan=partial(plan_apart, self._calls, limits),
        )

    def prepare(self) -> None:
        """Start processes ahead: the first upload would otherwise wait for seconds of imports."""
        self._calls.prepare()
        self._speech_calls.prepare(is_all=True)

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a slow function without using up the threads of other requests."""
        return await run_sync(function, *arguments, limiter=self._limiter)

    async def submit(self, submission: Submission) -> Submitted:
        """Accept or refuse a job; see Submitter."""
        data = submission.data
        is_quick = len(data) <= SHORT_BYTES and not is_compressed(data)
        if is_quick and self._submitter.needs_little(submission):
            return await self._together.result(submission)
        return await self.run(self._submitter.submit, submission)

    async def revise(
        self,
        job_id: str,
        owner: str,
        new_text: NewText,
        idempotency_key: str | None,
        allowance: Allowance | None = None,
    ) -> Submitted:
        """Accept or refuse the changed text of a job; see Submitter."""
        return await self.run(self._revise, job_id, owner, new_text, idempotency_key, allowance)

    async def submit_urgent(self, submission: Submission) -> Submitted:
        """Accept a short text to be spoken at once; see UrgentSubmitter."""
        return await self.run(self._urgent.submit, submission)

    async def plan(self, submission: Submission) -> KeptPlan:
        """Make and keep a plan, or refuse the document; see Planner."""
        return await self.run(self._planner.make, submission)

    def find_earlier(self, owner: str, key: str, canonical: str) -> Job | None:
        """Return the job created by an equal request; see Submitter."""
        return self._submitter.find_earlier(owner, key, canonical)

    async def enrol(self, owner: str, name: str, upload: Upload, notes: VoiceNotes) -> Enrolled:
        """Accept or refuse a recording; see narration.voices.enrol."""
        return await self.run(self._enrol, owner, name, upload, notes)

    async def close(self) -> None:
        """Finish the submissions that are under way, and stop the processes."""
        await self._together.close()
        await self.run(self._stop)

    def _stop(self) -> None:
        self._calls.close()
        self._speech_calls.close()

    def _revise(
        self,
        job_id: str,
        owner: str,
        new_text: NewText,
        idempotency_key: str | None,
        allowance: Allowance | None,
    ) -> Submitted:
        opened = self._resources
        submission = make_revision(
            opened.database,
            opened.stores,
            job_id,
            new_text,
            owner=owner,
            idempotency_key=idempotency_key,
        )
        return self._submitter.submit(replace(submission, allowance=allowance))

    def _lay_out(self, file: SourceFile, settings: JobSettings, options: DraftOptions) -> Draft:
        limits = self._resources.settings.limits
        return draft_apart(self._speech_calls, limits, file, settings, options)

    def _enrol(self, owner: str, name: str, upload: Upload, notes: VoiceNotes) -> Enrolled:
        limits = RecordingLimits(
            max_size_bytes=self._resources.settings.limits.recording_size_bytes
        )
        facts = enrol.examine_apart(self._calls, limits, upload.data, upload.name)
        enrolment = Enrolment(
            owner=owner,
            name=name,
            recording=upload.data,
            facts=facts,
            media_type=upload.media_type,
            notes=notes,
        )
        return enrol.enrol(self._resources.database, self._resources.stores, enrolment)
