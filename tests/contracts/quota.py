"""What keys may submit, on every database; subclasses provide a `database`."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, update

from narration.database import session_scope
from narration.errors import DocumentError, LimitError
from narration.jobs.quota import require_left, seconds_to_midnight, take_characters, take_place
from narration.jobs.record import Job
from narration.jobs.states import JobState
from narration.keys.scopes import Allowance
from tests.builders import NOW, make_job
from tests.contracts.keys import made

DAY = timedelta(days=1)


def allowance(database: Engine, **limits: Any) -> Allowance:
    return Allowance(key_id=made(database).key.id, key_name="ci", **limits)


def take(database: Engine, given: Allowance | None, characters: int, now: Any = NOW) -> None:
    with session_scope(database) as session:
        take_characters(session, given, characters, now=now)


def submit(database: Engine, given: Allowance) -> str:
    with session_scope(database) as session:
        take_place(session, given)
        return make_job(session, key_id=given.key_id).id


class QuotaContract:
    def test_characters_are_counted_by_the_day(self, database: Engine) -> None:
        given = allowance(database, characters_a_day=100)
        take(database, given, 60)
        with pytest.raises(LimitError, match="40 are left") as raised:
            take(database, given, 41)
        assert (raised.value.policy, raised.value.left) == ("characters", 40)
        assert raised.value.retry_after_s == seconds_to_midnight(NOW)
        take(database, given, 40)
        take(database, given, 100, NOW + DAY)

    def test_what_no_day_has_room_for_is_not_to_be_sent_again(self, database: Engine) -> None:
        given = allowance(database, characters_a_day=100)
        with pytest.raises(DocumentError, match="100 a day: send it in parts"):
            take(database, given, 101)

    def test_a_day_that_is_used_up_is_told_before_a_text_is_read(self, database: Engine) -> None:
        given = allowance(database, characters_a_day=100)
        take(database, given, 99)
        with session_scope(database, is_read_only=True) as session:
            require_left(session, given, now=NOW)
        take(database, given, 1)
        with session_scope(database, is_read_only=True) as session:
            with pytest.raises(LimitError, match="of the 100 characters a day"):
                require_left(session, given, now=NOW)
            require_left(session, given, now=NOW + DAY)

    def test_what_is_rolled_back_is_not_counted(self, database: Engine) -> None:
        given = allowance(database, characters_a_day=100)
        with suppress(ZeroDivisionError), session_scope(database) as session:
            take_characters(session, given, 100, now=NOW)
            raise ZeroDivisionError
        take(database, given, 100)

    def test_keys_without_limits_may_do_all(self, database: Engine) -> None:
        take(database, None, 10**9)
        take(database, allowance(database), 10**9)
        with session_scope(database) as session:
            take_place(session, None)

    def test_characters_are_exact_however_many_submit(self, database: Engine) -> None:
        given = allowance(database, characters_a_day=100)
        start = threading.Barrier(8)

        def try_to_take(_: int) -> bool:
            start.wait()
            try:
                take(database, given, 30)
            except LimitError:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(try_to_take, range(8))) == 3

    def test_narrations_under_way_are_bounded(self, database: Engine) -> None:
        given = allowance(database, queued_jobs=2)
        first, _ = submit(database, given), submit(database, given)
        with pytest.raises(LimitError, match="wait for one") as raised:
            submit(database, given)
        assert raised.value.policy == "jobs"
        with session_scope(database) as session:
            session.execute(
                update(Job).where(Job.id == first).values(state=JobState.CANCELED, ended_at=NOW)
            )
        submit(database, given)

    def test_narrations_are_exact_however_many_submit(self, database: Engine) -> None:
        given = allowance(database, queued_jobs=3)
        start = threading.Barrier(6)

        def try_to_submit(_: int) -> bool:
            start.wait()
            try:
                submit(database, given)
            except LimitError:
                return False
            return True

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(try_to_submit, range(6))) == 3
