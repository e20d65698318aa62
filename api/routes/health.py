"""Is the process alive, can it serve, and what has it measured."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.deps import Resources, WithResources
from api.errors import problem_response
from api.openapi import problems
from api.problems import Liveness, Readiness
from api.routing import Router
from narration import workers
from narration.clock import utc_now
from narration.database import check_database, session_scope
from narration.errors import RhapsodeError

PROBE_PREFIX = "readiness/"  # nothing is ever stored there

router = Router(tags=["operation"], responses=problems())


@router.get("/livez", summary="Is the process alive?")
async def live() -> Liveness:
    """Answer while the event loop runs; checks nothing else."""
    return Liveness()


@router.get("/readyz", response_model=Readiness, summary="Can jobs be accepted and rendered?")
def ready(request: Request, resources: WithResources) -> Response:
    """Ask the database, the broker, the store, and whether a warm worker is there."""
    checks: dict[str, Callable[[Resources], str]] = {
        "database": _database,
        "broker": _broker,
        "store": _store,
        "workers": _workers,
    }
    # In parallel: a probe waits for the slowest check, not for all of them in turn.
    with ThreadPoolExecutor(len(checks)) as pool:
        pending = {name: pool.submit(_outcome, check, resources) for name, check in checks.items()}
        outcomes = {name: future.result() for name, future in pending.items()}
    failed = [name for name, (is_well, _) in outcomes.items() if not is_well]
    shown = {name: message for name, (_, message) in outcomes.items()}
    if failed:
        detail = f"not ready: {', '.join(failed)}"
        return problem_response(request, "unavailable", detail, checks=shown)
    return JSONResponse(Readiness(checks=shown).model_dump())


@router.get("/metrics", include_in_schema=False)
def metrics() -> Response:
    """Show the measurements of this process to Prometheus."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _outcome(check: Callable[[Resources], str], resources: Resources) -> tuple[bool, str]:
    try:
        return True, check(resources)
    except RhapsodeError as error:
        return False, error.public_message


def _database(resources: Resources) -> str:
    check_database(resources.database)
    return "answers"


def _broker(resources: Resources) -> str:
    resources.broker.check()
    return "answers"


def _store(resources: Resources) -> str:
    next(resources.stores.work.find(PROBE_PREFIX), None)
    return "answers"


def _workers(resources: Resources) -> str:
    with session_scope(resources.database, is_read_only=True) as session:
        warm = workers.warm_workers(session, now=utc_now())
    if not warm:
        raise RhapsodeError("no warm worker: start one, or wait until its engine is loaded")
    return f"{len(warm)} warm"
