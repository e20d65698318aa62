"""Urgent texts: submitted, claimed and read, on every database."""

from typing import Any

import pytest
from sqlalchemy import Engine

from narration.api_settings import LimitSettings
from narration.broker.interface import Task
from narration.broker.wakeups import send_queued
from narration.database import call_after_commit, session_scope
from narration.errors import KeyReusedError, NotFoundError, QueueFullError, UnknownVoiceError
from narration.jobs.checkpoints import checkpoint
from narration.jobs.create import URGENT_PRIORITY, Destination
from narration.jobs.draft import draft_plan
from narration.jobs.events import list_events
from narration.jobs.lookup import get_chunks, get_job, get_plan
from narration.jobs.request import JobSettings
from narration.jobs.segment_claim import pending_chunks
from narration.jobs.spoken import read_spoken
from narration.jobs.states import JobKind, JobState
from narration.jobs.submission import Submission
from narration.jobs.urgent import UrgentSubmitter
from tests.builders import LEASE, NOW, OWNER, claim_segment, make_job, make_outcome, plan_job
from tests.builders import WORDS as TEXT
from tests.fakes import RecordingBroker


def submitter(database: Engine, **limits: int) -> UrgentSubmitter:
    settings = LimitSettings.model_validate(limits)
    return UrgentSubmitter(
        database=database,
        limits=settings,
        lay_out=lambda file, job, options: draft_plan(settings, file, job, options),
        segment_chunks=2,
    )


def submission(text: str = TEXT, **changes: Any) -> Submission:
    values: dict[str, Any] = {
        "owner": OWNER,
        "name": "speech",
        "media_type": "text/plain",
        "data": text.encode(),
        "settings": JobSettings(outputs=(), priority=9),
        "destination": Destination(profile="default"),
        "kind": JobKind.SPEECH,
    }
    return Submission(**(values | changes))


class UrgentQueriesContract:
    def test_a_text_is_planned_and_rendering_at_once(self, database: Engine) -> None:
        job = submitter(database).submit(submission()).job
        with session_scope(database) as session:
            stored = get_job(session, job.id)
            chunks = get_chunks(session, job.id)
            assert (stored.state, stored.priority) == (JobState.RENDERING, URGENT_PRIORITY)
            assert stored.chunks_total == len(chunks) > 2
            assert get_plan(session, job.id).characters == len(TEXT)
            events = [event.type for event in list_events(session, job.id)]
        assert events == ["job.queued", "job.rendering"]

    def test_only_who_speaks_is_woken(self, database: Engine) -> None:
        broker = RecordingBroker()
        listening = database.execution_options()
        call_after_commit(listening, send_queued(broker))
        job = submitter(listening).submit(submission()).job
        with session_scope(database, is_read_only=True) as session:
            segments = {chunk.segment for chunk in get_chunks(session, job.id)}
        assert broker.sent == [(Task.RENDER, ())] * len(segments)  # no worker hears calls here
        assert broker.calls == 1

    def test_it_is_claimed_before_what_was_there(self, database: Engine) -> None:
        with session_scope(database) as session:
            earlier = make_job(session, priority=9)
            plan_job(session, earlier, chunks=4)
        job = submitter(database).submit(submission()).job
        with session_scope(database) as session:
            first = claim_segment(session)
            urgent = claim_segment(session, least_priority=URGENT_PRIORITY)
        assert first is not None
        assert urgent is not None
        assert (first.job_id, urgent.job_id) == (job.id, job.id)

    def test_places_for_the_urgent_take_nothing_else(self, database: Engine) -> None:
        with session_scope(database) as session:
            plan_job(session, make_job(session, priority=9), chunks=4)
            assert claim_segment(session, least_priority=URGENT_PRIORITY) is None

    def test_what_was_spoken_is_read_without_a_gap(self, database: Engine) -> None:
        job = submitter(database).submit(submission()).job
        with session_scope(database) as session:
            claim = claim_segment(session)
            assert claim is not None
            second = pending_chunks(session, claim)[1].index
            checkpoint(session, claim, make_outcome(second), until=NOW + LEASE, now=NOW)
            assert read_spoken(session, job.id, first=0).chunks == []
            checkpoint(session, claim, make_outcome(0), until=NOW + LEASE, now=NOW)
            spoken_chunks = read_spoken(session, job.id, first=0)
            rest = read_spoken(session, job.id, first=1)
        assert [chunk.index for chunk in spoken_chunks.chunks] == [0, 1]
        assert [chunk.index for chunk in rest.chunks] == [1]
        assert spoken_chunks.state is JobState.RENDERING

    def test_a_job_that_is_gone_cannot_be_heard(self, database: Engine) -> None:
        with session_scope(database) as session, pytest.raises(NotFoundError):
            read_spoken(session, "job_gone", first=0)

    def test_a_key_leads_to_its_job_and_to_no_other(self, database: Engine) -> None:
        urgent = submitter(database)
        first = urgent.submit(submission(idempotency_key="k"))
        again = urgent.submit(submission(idempotency_key="k"))
        assert (again.job.id, again.is_replay) == (first.job.id, True)
        with pytest.raises(KeyReusedError):
            urgent.submit(submission("Another text.", idempotency_key="k"))

    def test_no_more_are_taken_than_may_be_spoken_at_once(self, database: Engine) -> None:
        urgent = submitter(database, speech_at_once=1)
        urgent.submit(submission())
        with pytest.raises(QueueFullError):
            urgent.submit(submission())

    def test_an_unknown_voice_is_refused(self, database: Engine) -> None:
        settings = JobSettings(voice="nobody", outputs=())
        with pytest.raises(UnknownVoiceError):
            submitter(database).submit(submission(settings=settings))
