"""Jobs that are submitted together, on every database; subclasses provide a `database`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from narration.api_settings import LimitSettings
from narration.broker.interface import Task
from narration.broker.wakeups import NAMED_TOGETHER, send_queued
from narration.database import call_after_commit, session_scope
from narration.errors import (
    DatabaseUnavailable,
    DocumentError,
    KeyReusedError,
    LimitError,
    QueueFullError,
    RowsLocked,
    UnknownVoiceError,
)
from narration.jobs import submit
from narration.jobs.create import Destination
from narration.jobs.document import examine_all
from narration.jobs.events import list_events
from narration.jobs.record import Job
from narration.jobs.request import JobSettings
from narration.jobs.submission import Submission, Submitted
from narration.jobs.submit import Submitter
from narration.keys.scopes import Allowance
from narration.settings import Settings
from narration.storage.profiles import open_stores
from narration.storage.write_check import WriteCheck
from tests.builders import OWNER, WORDS
from tests.contracts.keys import made as made_key
from tests.fakes import RecordingBroker


def submission(text: str = WORDS, **changes: Any) -> Submission:
    values: dict[str, Any] = {
        "owner": OWNER,
        "name": "text",
        "media_type": "text/plain",
        "data": text.encode(),
        "settings": JobSettings(outputs=()),
        "destination": Destination(profile="default"),
    }
    return Submission(**(values | changes))


def stored(database: Engine) -> list[str]:
    with session_scope(database, is_read_only=True) as session:
        return list(session.scalars(select(Job.id)))


def kinds(outcomes: Sequence[Submitted | Exception]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


@contextmanager
def failing(database: Engine, fault: Callable[[str, Any], Exception | None]) -> Iterator[None]:
    """Have statements fail, by their text and parameters."""

    def before(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        error = fault(statement, parameters)
        if error is not None:
            raise error

    event.listen(database, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(database, "before_cursor_execute", before)


class SubmittingContract:
    @pytest.fixture
    def submitter(self, database: Engine, tmp_path: Path) -> Submitter:
        return self.made(database, tmp_path)

    def made(self, database: Engine, folder: Path, **limits: int) -> Submitter:
        settings = LimitSettings.model_validate(limits)
        stores = open_stores(Settings(data_dir=folder))
        return Submitter(
            database=database,
            stores=stores,
            limits=settings,
            write_check=WriteCheck(stores),
            examine=partial(examine_all, settings),
        )

    def test_each_is_a_job_with_its_event_and_its_message(
        self, database: Engine, submitter: Submitter
    ) -> None:
        broker = RecordingBroker()
        call_after_commit(database, send_queued(broker))
        titled = submission(settings=JobSettings(outputs=(), title="A title"))
        outcomes = submitter.submit_together([submission(), titled, submission(owner="other")])
        jobs = [outcome.job for outcome in outcomes if isinstance(outcome, Submitted)]
        assert [job.owner for job in jobs] == [OWNER, OWNER, "other"]
        assert [job.title for job in jobs] == [None, "A title", None]
        assert sorted(stored(database)) == sorted(job.id for job in jobs)
        with session_scope(database, is_read_only=True) as session:
            for job in jobs:
                told = list_events(session, job.id)
                assert [(e.number, e.type, e.owner) for e in told] == [(1, "job.queued", job.owner)]
        ((task, told_of),) = broker.sent
        assert task is Task.PLAN
        assert sorted(told_of) == sorted(job.id for job in jobs)

    def test_a_message_names_a_few_jobs_at_most(
        self, database: Engine, submitter: Submitter
    ) -> None:
        broker = RecordingBroker()
        call_after_commit(database, send_queued(broker))
        submitter.submit_together([submission() for _ in range(NAMED_TOGETHER + 1)])
        told_of = [ids for _, ids in broker.sent]
        assert [len(ids) for ids in told_of] == [NAMED_TOGETHER, 1]
        assert sorted(id_ for ids in told_of for id_ in ids) == sorted(stored(database))

    def test_jobs_together_take_as_many_transactions_as_one(
        self, database: Engine, submitter: Submitter
    ) -> None:
        commits: list[object] = []
        event.listen(database, "commit", commits.append)
        submitter.submit(submission())
        alone = len(commits)
        submitter.submit_together([submission() for _ in range(5)])
        assert len(commits) == 2 * alone

    def test_refused_ones_refuse_no_others(self, database: Engine, submitter: Submitter) -> None:
        outcomes = submitter.submit_together(
            [
                submission(),
                submission("..."),
                submission(settings=JobSettings(outputs=(), voice="nobody")),
                submission(destination=Destination(profile="default", prefix="../up")),
                submission(),
            ]
        )
        assert kinds(outcomes)[:3] == [Submitted, DocumentError, UnknownVoiceError]
        assert isinstance(outcomes[3], Exception)
        assert kinds(outcomes)[4:] == [Submitted]
        assert len(stored(database)) == 2

    def test_row_that_breaks_a_constraint_refuses_no_others(
        self, database: Engine, submitter: Submitter
    ) -> None:
        # It has the other's id, as nothing that a caller may send breaks a constraint.
        first = submitter.submit(submission()).job.id
        wanted = [submission(), submission(name="broken"), submission()]
        with broken_row("broken", first):
            got = submitter.submit_together(wanted)
        assert kinds(got)[::2] == [Submitted, Submitted]
        assert isinstance(got[1], Exception)
        assert len(stored(database)) == 3

    def test_same_key_again_in_another_transaction_returns_its_job(
        self, database: Engine, submitter: Submitter
    ) -> None:
        """Another process wrote the row after this one has looked for it."""
        keyed = submission(idempotency_key="k")
        earlier: list[str] = []

        def write_first(documents: Any) -> Any:
            if not earlier:
                earlier.append("")
                earlier[0] = submitter.submit(keyed).job.id
            return examine_all(submitter.limits, documents)

        late = self.late(submitter, write_first)
        others = [submission(), submission(idempotency_key="other")]
        outcomes = late.submit_together([others[0], keyed, others[1]])
        assert kinds(outcomes) == [Submitted] * 3
        replayed = outcomes[1]
        assert isinstance(replayed, Submitted)
        assert (replayed.is_replay, replayed.job.id) == (True, earlier[0])
        assert len(stored(database)) == 3

    def test_different_request_with_the_same_key_is_refused_alone(
        self, database: Engine, submitter: Submitter
    ) -> None:
        submitter.submit(submission(idempotency_key="k"))
        outcomes = submitter.submit_together(
            [submission(), submission("Something else.", idempotency_key="k")]
        )
        assert kinds(outcomes) == [Submitted, KeyReusedError]
        assert len(stored(database)) == 2

    def test_limits_of_keys_hold_for_each(self, database: Engine, submitter: Submitter) -> None:
        exact = self.allowance(database, characters_a_day=len(WORDS))
        used_up = self.allowance(database, characters_a_day=len(WORDS))
        one_job = self.allowance(database, queued_jobs=1)
        for used in (used_up, one_job):
            submitter.submit(submission(allowance=used))
        outcomes = submitter.submit_together(
            [submission(allowance=each) for each in (exact, used_up, one_job, None)]
        )
        assert kinds(outcomes) == [Submitted, LimitError, LimitError, Submitted]
        assert kinds(submitter.submit_together([submission(allowance=exact)])) == [LimitError]

    def test_several_of_one_key_use_up_its_characters_exactly(
        self, database: Engine, submitter: Submitter
    ) -> None:
        given = self.allowance(database, characters_a_day=3 * len(WORDS))
        outcomes = submitter.submit_together([submission(allowance=given) for _ in range(5)])
        assert kinds(outcomes) == [Submitted] * 3 + [LimitError] * 2
        assert len(stored(database)) == 3

    def test_a_database_that_keeps_each_waiting_is_not_asked_for_all(
        self, database: Engine, submitter: Submitter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(submit, "_EACH_S", 0.0)
        asked: list[str] = []

        def locked(statement: str, _parameters: Any) -> Exception | None:
            if not statement.startswith("INSERT INTO jobs"):
                return None
            asked.append(statement)
            return RowsLocked("rows of the database are locked")

        with failing(database, locked):
            outcomes = submitter.submit_together([submission() for _ in range(4)])
        assert kinds(outcomes) == [RowsLocked] * 4
        assert len(asked) == 2  # for all, and for the first of them
        assert not stored(database)

    def test_what_was_not_written_is_not_counted(
        self, database: Engine, submitter: Submitter
    ) -> None:
        given = self.allowance(database, characters_a_day=len(WORDS))
        first = submitter.submit(submission()).job.id
        with broken_row("broken", first):
            got = submitter.submit_together([submission(name="broken", allowance=given)])
        assert isinstance(got[0], Exception)
        assert not isinstance(got[0], LimitError)
        assert kinds(submitter.submit_together([submission(allowance=given)])) == [Submitted]

    def test_as_many_are_queued_as_may_be(self, database: Engine, tmp_path: Path) -> None:
        submitter = self.made(database, tmp_path, queued_jobs=3)
        outcomes = submitter.submit_together([submission() for _ in range(5)])
        assert kinds(outcomes) == [Submitted] * 3 + [QueueFullError] * 2
        assert kinds(submitter.submit_together([submission()])) == [QueueFullError]

    def test_nothing_is_written_twice_after_a_lost_connection(
        self, database: Engine, submitter: Submitter
    ) -> None:
        """It may have been lost after the commit."""
        inserts: list[str] = []

        def fault(statement: str, _parameters: Any) -> Exception | None:
            if statement.startswith("INSERT INTO events"):
                inserts.append(statement)
                return DatabaseUnavailable("the connection was lost")
            return None

        with failing(database, fault):
            outcomes = submitter.submit_together([submission(), submission("..."), submission()])
        assert kinds(outcomes) == [DatabaseUnavailable, DocumentError, DatabaseUnavailable]
        assert len(inserts) == 1

    def late(self, submitter: Submitter, examine: Callable[[Any], Any]) -> Submitter:
        return Submitter(
            database=submitter.database,
            stores=submitter.stores,
            limits=submitter.limits,
            write_check=submitter.write_check,
            examine=examine,
        )

    def allowance(self, database: Engine, **limits: int) -> Allowance:
        return Allowance(key_id=made_key(database).key.id, key_name="ci", **limits)


@contextmanager
def broken_row(name: str, job_id: str) -> Iterator[None]:
    """Give new jobs of a source's name an id that there is already."""

    def change(job: Job, value: str, *_: Any) -> str:
        if value == name:
            job.id = job_id
        return value

    event.listen(Job.source_name, "set", change, retval=True)
    try:
        yield
    finally:
        event.remove(Job.source_name, "set", change)
