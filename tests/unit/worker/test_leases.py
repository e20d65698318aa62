import threading
from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from narration.errors import DatabaseUnavailable, LeaseLost
from worker.leases import LeaseKeeper

WAIT_S = 5.0


class Work:
    """A lease that is renewed until a test takes it away."""

    def __init__(self) -> None:
        self.renewed = threading.Event()
        self.is_ours = True
        self.errors: list[Exception] = []

    def renew(self, session: Session, *, until: datetime) -> bool:
        if self.errors:
            raise self.errors.pop()
        self.renewed.set()
        return self.is_ours


@pytest.fixture
def keeper(sqlite_database: Engine) -> Iterator[LeaseKeeper]:
    keeper = LeaseKeeper(sqlite_database, lease_s=3, heartbeat_s=0.02)
    yield keeper
    keeper.close()


def test_work_is_renewed_while_it_is_kept(keeper: LeaseKeeper) -> None:
    work = Work()
    with keeper.keep(work.renew) as lease:
        assert work.renewed.wait(WAIT_S)
        lease.check()


def test_lost_work_is_noticed(keeper: LeaseKeeper) -> None:
    work = Work()
    work.is_ours = False
    with keeper.keep(work.renew) as lease:
        assert lease.is_lost.wait(WAIT_S)
        with pytest.raises(LeaseLost):
            lease.check()


def test_database_that_is_away_does_not_end_the_heartbeat(keeper: LeaseKeeper) -> None:
    work = Work()
    work.errors = [DatabaseUnavailable(), DatabaseUnavailable()]
    with keeper.keep(work.renew) as lease:
        assert work.renewed.wait(WAIT_S)
        lease.check()


def test_ended_work_is_not_renewed(keeper: LeaseKeeper) -> None:
    work, other = Work(), Work()
    with keeper.keep(work.renew):
        pass
    work.renewed.clear()
    with keeper.keep(other.renew):
        assert other.renewed.wait(WAIT_S)
    assert not work.renewed.is_set()


def test_process_says_that_it_lives_three_times_in_a_heartbeat(sqlite_database: Engine) -> None:
    work, beats = Work(), []
    keeper = LeaseKeeper(sqlite_database, lease_s=3, heartbeat_s=0.3)
    keeper.on_beat(lambda: beats.append(work.renewed.is_set()))
    with keeper.keep(work.renew):
        assert work.renewed.wait(WAIT_S)
    keeper.close()
    assert beats[:3] == [False] * 3
