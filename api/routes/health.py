"""Health checks and metrics of the process."""

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

RECENT_S = 120.0  # how long the reason of an ended worker is still reported

router = Router(tags=["operation"], responses=problems())


class ProbeState:
    """What this process remembers between probes of its dependencies."""

    def __init__(self) -> None:
        self.has_schema = False
        self._troubles: dict[str, TroubleLog] = {}

    def trouble(self, name: str) -> TroubleLog:
        """Return the log for a check's trouble, which logs once and not at every probe."""
        return self._troubles.setdefault(name, TroubleLog(f"{name}_not_ready"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """The result of a check; `codes` name troubles that do not end by themselves."""

    is_well: bool
    message: str
    codes: tuple[str, ...] = ()


class _JobsWaitError(RhapsodeError):
    """Jobs wait for something to be fixed."""

    def __init__(self, message: str, codes: tuple[str, ...]) -> None:
        super().__init__(message)
        self.codes = codes


@router.get("/livez", summary="Is the process alive?")
async def live() -> Liveness:
    """Answer while the event loop runs; checks nothing else."""
    return Liveness()


@router.get("/readyz/api", summary="Can this process answer requests?")
def answering(request: Request, resources: WithResources) -> Answering:
    """Answer once the database has this release's tables, and from then on without a query.

    If the database goes away later, requests get problem documents, which is better than refused
    connections.
    """
    state = request.app.state.probes
    if not state.has_schema:
        check_schema(resources.database)
        state.has_schema = True
    return Answering()


@router.get("/readyz", response_model=Readiness, summary="Can jobs be accepted and rendered?")
def ready(request: Request, resources: WithResources) -> Response:
    """Check the database, the broker, the store, and whether there is a warm worker.

    `checks` says what each waits for, `troubles` lists codes of problems that keep jobs waiting
    until somebody fixes them, and `notice` says whether only the demonstration voice is available.
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
    # In parallel, so that a probe waits only for the slowest check.
    with ThreadPoolExecutor(len(checks)) as pool:
        state = request.app.state.probes
        pending = {
            name: pool.submit(_outcome, check, resources, state.trouble(name))
            for name, check in checks.items()
        }
        outcomes = {name: future.result() for name, future in pending.items()}
    failed = [name for name, outcome in outcomes.items() if not outcome.is_well]
    report = Readiness(
        checks={name: outcome.message for name, outcome in outcomes.items()},
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
    """Return this process's metrics for Prometheus."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _outcome(
    check: Callable[[Resources], str], resources: Resources, trouble: TroubleLog
) -> _Outcome:
    try:
        message = check(resources)
    except _JobsWaitError as error:
        trouble.note(str(error))
        return _Outcome(is_well=False, message=str(error), codes=error.codes)
    except RhapsodeError as error:
        # Only the log names the host or the path.
        trouble.note(str(error))
        codes = (error.code,) if isinstance(error, DependencyError) else ()
        return _Outcome(is_well=False, message=error.public_message, codes=codes)
    trouble.clear()
    return _Outcome(is_well=True, message=message)


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
    """Check the disk itself, because a full disk cannot store a row that says so."""
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
    """Describe what each worker waits for; on a host where all end alike, only the latest."""
    latest = {(host_of(worker), _awaited(worker)): worker for worker in reversed(workers)}
    return "; ".join(f"{worker.id} {awaited}" for (_, awaited), worker in reversed(latest.items()))


def _awaited(worker: Worker) -> str:
    parts = (worker.awaits or {}).items()
    awaited = ", ".join(f"{part}: {reason}" for part, reason in parts)
    return f"awaits {awaited}" if awaited else f"was last heard of at {worker.seen_at:%H:%M:%S} UTC"


def _jobs(resources: Resources) -> str:
    """Fail for troubles that block all jobs; a single unreachable destination does not."""
    with session_scope(resources.database, is_read_only=True) as session:
        troubles = list_troubles(session, now=utc_now())
    message = "; ".join(
        f"{trouble.jobs} wait: {public_message(trouble.code, trouble.detail)}"
        for trouble in troubles
    )
    codes = tuple(trouble.code for trouble in troubles if trouble.code in SHOWN_AT_ONCE)
    if codes:
        raise _JobsWaitError(message, codes)
    return message or "none waits for something to be mended"


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
