"""Is the process alive, can it serve, and what has it measured."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.orm import Session

from api.deps import Resources, WithResources
from api.errors import problem_response
from api.openapi import problems
from api.problems import Answering, Liveness, Readiness
from api.routing import Router
from narration.clock import utc_now
from narration.database import session_scope
from narration.demonstration import IN_THE_SERVICE, ON_ONE_MACHINE, is_speaking
from narration.dependencies import check_room, check_store
from narration.errors import DependencyError, RhapsodeError, public_message
from narration.jobs.trouble import SHOWN_AT_ONCE, list_troubles
from narration.migrate import check_schema
from narration.telemetry import TroubleLog
from narration.workers import Worker, host_of, recent_workers, warm_workers

RECENT_S = 120.0  # so long a worker that ended is still asked why

router = Router(tags=["operation"], responses=problems())


class Seen:
    """What this process has seen of what it depends on."""

    def __init__(self) -> None:
        self.has_schema = False
        self._troubles: dict[str, TroubleLog] = {}

    def trouble(self, name: str) -> TroubleLog:
        """Return what logs the trouble of a check, once and not at every probe."""
        return self._troubles.setdefault(name, TroubleLog(f"{name}_not_ready"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What a check has found; `codes` name troubles that do not pass by themselves."""

    is_well: bool
    said: str
    codes: tuple[str, ...] = ()


class _JobsWaitError(RhapsodeError):
    """Jobs wait for something to be mended."""

    def __init__(self, said: str, codes: tuple[str, ...]) -> None:
        super().__init__(said)
        self.codes = codes


@router.get("/livez", summary="Is the process alive?")
async def live() -> Liveness:
    """Answer while the event loop runs; checks nothing else."""
    return Liveness()


@router.get("/readyz/api", summary="Can this process answer requests?")
def answering(request: Request, resources: WithResources) -> Answering:
    """Answer once the database has this release's tables; from then on without asking again.

    A database that goes away later is told by the problem documents of the requests, which beats a
    connection that is refused.
    """
    seen = request.app.state.seen
    if not seen.has_schema:
        check_schema(resources.database)
        seen.has_schema = True
    return Answering()


@router.get("/readyz", response_model=Readiness, summary="Can jobs be accepted and rendered?")
def ready(request: Request, resources: WithResources) -> Response:
    """Ask the database, the broker, the store, and whether a warm worker is there.

    `checks` says of each what is awaited, `troubles` by their codes what keeps jobs waiting until
    somebody mends it, `notice` whether it is the demonstration that speaks.
    """
    checks: dict[str, Callable[[Resources], str]] = {
        "database": _database,
        "broker": _broker,
        "store": _store,
        "workers": _workers,
        "jobs": _jobs,
    }
    if resources.settings.database.url is None:
        checks["disk"] = _disk
    # In parallel: a probe waits for the slowest check, not for all of them in turn.
    with ThreadPoolExecutor(len(checks)) as pool:
        seen = request.app.state.seen
        pending = {
            name: pool.submit(_outcome, check, resources, seen.trouble(name))
            for name, check in checks.items()
        }
        outcomes = {name: future.result() for name, future in pending.items()}
    failed = [name for name, outcome in outcomes.items() if not outcome.is_well]
    report = Readiness(
        checks={name: outcome.said for name, outcome in outcomes.items()},
        troubles=sorted({code for outcome in outcomes.values() for code in outcome.codes}),
        notice=_notice(resources),
    )
    members = report.model_dump(exclude_none=True)
    if failed:
        del members["status"]
        detail = f"not ready: {', '.join(failed)}"
        return problem_response(request, "unavailable", detail, **members)
    return JSONResponse(members)


@router.get("/metrics", include_in_schema=False)
def metrics() -> Response:
    """Show the measurements of this process to Prometheus."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _outcome(
    check: Callable[[Resources], str], resources: Resources, trouble: TroubleLog
) -> _Outcome:
    try:
        said = check(resources)
    except _JobsWaitError as error:
        trouble.note(str(error))
        return _Outcome(is_well=False, said=str(error), codes=error.codes)
    except RhapsodeError as error:
        # The log alone names the host or the path.
        trouble.note(str(error))
        codes = (error.code,) if isinstance(error, DependencyError) else ()
        return _Outcome(is_well=False, said=error.public_message, codes=codes)
    trouble.clear()
    return _Outcome(is_well=True, said=said)


def _database(resources: Resources) -> str:
    check_schema(resources.database)
    return "answers"


def _broker(resources: Resources) -> str:
    resources.broker.check()
    return "answers"


def _store(resources: Resources) -> str:
    check_store(resources.stores)
    return "answers"


def _disk(resources: Resources) -> str:
    """Look at the disk itself: one that is full keeps no row that says so."""
    check_room(resources.settings.data_dir)
    return "has room"


def _workers(resources: Resources) -> str:
    now = utc_now()
    with session_scope(resources.database, is_read_only=True) as session:
        warm = _warm(resources, session)
        recent = recent_workers(session, since=now - timedelta(seconds=RECENT_S))
    known = {worker.id for worker in warm}
    others = [worker for worker in recent if worker.slots and worker.id not in known]
    if not warm:
        raise RhapsodeError(f"no warm worker: {_awaited_by(others) or 'start one'}")
    waiting = _awaited_by([worker for worker in others if worker.awaits])
    return f"{len(warm)} warm{'; ' if waiting else ''}{waiting}"


def _awaited_by(workers: Sequence[Worker]) -> str:
    """Say what each waits for; of a host whose workers all end alike, only of the latest."""
    latest = {(host_of(worker), _awaited(worker)): worker for worker in reversed(workers)}
    return "; ".join(f"{worker.id} {awaited}" for (_, awaited), worker in reversed(latest.items()))


def _awaited(worker: Worker) -> str:
    parts = (worker.awaits or {}).items()
    awaited = ", ".join(f"{part}: {reason}" for part, reason in parts)
    return f"awaits {awaited}" if awaited else f"was last heard of at {worker.seen_at:%H:%M:%S} UTC"


def _jobs(resources: Resources) -> str:
    """Fail for what no job gets past; one destination that is away does not concern the others."""
    with session_scope(resources.database, is_read_only=True) as session:
        troubles = list_troubles(session, now=utc_now())
    said = "; ".join(
        f"{trouble.jobs} wait: {public_message(trouble.code, trouble.detail)}"
        for trouble in troubles
    )
    codes = tuple(trouble.code for trouble in troubles if trouble.code in SHOWN_AT_ONCE)
    if codes:
        raise _JobsWaitError(said, codes)
    return said or "none waits for something to be mended"


def _notice(resources: Resources) -> str | None:
    try:
        with session_scope(resources.database, is_read_only=True) as session:
            engines = [worker.engine for worker in _warm(resources, session)]
    except RhapsodeError:
        return None
    if not is_speaking(engines):
        return None
    return IN_THE_SERVICE if resources.settings.broker.url is not None else ON_ONE_MACHINE


def _warm(resources: Resources, session: Session) -> list[Worker]:
    silent_after_s = resources.settings.worker.heartbeat_s
    return warm_workers(session, now=utc_now(), silent_after_s=silent_after_s)
