"""Submit a short text that a client waits to hear: planned here, and spoken before all others.

One transaction writes the job with its plan, and the only message that follows wakes a GPU worker.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Engine

from narration.api_settings import LimitSettings
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import ConflictError, QueueFullError
from narration.ids import new_id
from narration.jobs.create import Source, insert_drafted_job, new_job
from narration.jobs.draft import Draft, DraftOptions, SourceFile
from narration.jobs.listing import count_speaking
from narration.jobs.quota import take_characters
from narration.jobs.request import JobSettings
from narration.jobs.states import JobKind
from narration.jobs.submission import (
    Submission,
    Submitted,
    choose_job_voice,
    find_earlier,
    with_delivery_of,
)
from narration.telemetry import log_step

OPENING_CHARS = (30, 70, 140)  # of the first chunks: about two, five and ten seconds of speech

# Runs in this process, or in one that can be stopped.
LayOut: TypeAlias = Callable[[SourceFile, JobSettings, DraftOptions], Draft]


@dataclass(frozen=True, slots=True, kw_only=True)
class UrgentSubmitter:
    """Accepts texts that are spoken immediately."""

    database: Engine
    limits: LimitSettings
    lay_out: LayOut
    segment_chunks: int

    def submit(self, submission: Submission) -> Submitted:
        """Accept a text or refuse it completely.

        Raises: DocumentError, QualityError, UnknownVoiceError, KeyReusedError, LimitError,
        QueueFullError, BusyError, VoiceNotReady, RecordingError; DatabaseUnavailable.
        """
        opening = OPENING_CHARS if submission.kind is JobKind.SPEECH else ()
        options = DraftOptions(segment_chunks=self.segment_chunks, opening=opening)
        file = SourceFile(
            data=submission.data, name=submission.name, media_type=submission.media_type
        )
        log_step("on_thread")
        draft = self.lay_out(file, submission.settings, options)
        log_step("laid_out")
        try:
            return self._insert(submission, draft)
        except ConflictError:  # two equal concurrent requests, and this one lost
            return self._insert(submission, draft)

    def _insert(self, submission: Submission, draft: Draft) -> Submitted:
        now = utc_now()
        key = submission.idempotency_key
        with session_scope(self.database) as session:
            if earlier := find_earlier(session, submission):
                return Submitted(job=earlier, is_replay=True)
            if count_speaking(session) >= self.limits.speech_at_once:
                raise QueueFullError(
                    f"{self.limits.speech_at_once:,} texts are being spoken already: send this "
                    "one later"
                )
            allowance = submission.allowance
            take_characters(session, allowance, draft.characters, now=now)
            voice = choose_job_voice(session, submission, is_kept=True)
            job = new_job(
                session,
                job_id=new_id("job", now),
                owner=submission.owner,
                settings=with_delivery_of(session, submission.settings, voice),
                source=_source(submission, draft),
                destination=submission.destination,
                now=now,
                key_id=allowance.key_id if allowance else None,
                voice=voice,
                idempotency_key=key,
                request_sha256=submission.fingerprint if key else None,
                kind=submission.kind,
                draft=draft,
            )
            insert_drafted_job(session, job, draft, now=now)
            log_step("written")
        return Submitted(job=job, is_replay=False)


def _source(submission: Submission, draft: Draft) -> Source:
    return Source(
        name=submission.name,
        media_type=draft.media_type,
        size_bytes=len(submission.data),
        sha256=submission.sha256,
        data=submission.data,
    )
