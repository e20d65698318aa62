import threading
from datetime import datetime
from functools import partial

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from narration.database import session_scope
from narration.jobs.record import Job
from tests.builders import make_job
from worker.leases import LeaseKeeper

RENEWALS = 3
TIMEOUT_S = 10.0


def test_a_lease_whose_row_is_locked_keeps_no_other_from_being_renewed(
    postgres_database: Engine,
) -> None:
    with session_scope(postgres_database) as session:
        locked, free = make_job(session).id, make_job(session).id
    renewed = {locked: threading.Semaphore(0), free: threading.Semaphore(0)}

    def renew(job_id: str, session: Session, *, until: datetime) -> bool:
        session.execute(select(Job.id).where(Job.id == job_id).with_for_update())
        renewed[job_id].release()
        return True

    keeper = LeaseKeeper(postgres_database, lease_s=60, heartbeat_s=0.05)
    with keeper.keep(partial(renew, locked)) as lease, keeper.keep(partial(renew, free)):
        with session_scope(postgres_database) as session:
            session.execute(select(Job.id).where(Job.id == locked).with_for_update())
            for times in renewed.values():
                while times.acquire(blocking=False):
                    pass  # it was renewed before one was locked
            for _ in range(RENEWALS):
                assert renewed[free].acquire(timeout=TIMEOUT_S)
            assert not renewed[locked].acquire(blocking=False)
        assert renewed[locked].acquire(timeout=TIMEOUT_S)
        lease.check()
    keeper.close()
