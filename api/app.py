"""The HTTP application: resources opened once, routes over them, one shape for all errors."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from api import errors, openapi
from api.access import AccessLog
from api.border import Border, refuse_unknown_parameters
from api.deps import Resources
from api.event_stream import SharedFrames
from api.following import EventFeed
from api.keybook import KeyBook
from api.metering import Meter
from api.part_reader import PartReader
from api.polling import JobReader
from api.routes import (
    artifacts,
    events,
    health,
    jobs,
    keys,
    listen,
    models,
    plans,
    revisions,
    session,
    speech,
    takes,
    uploads,
    usage,
    voices,
    webhooks,
)
from api.served_models import ServedModels
from api.sounding import SoundReader
from api.uploads import Uploads
from narration.broker.wakeups import connect_broker, send_queued
from narration.database import call_after_commit, make_engine
from narration.keys.shared_rates import open_rates
from narration.settings import Settings
from narration.storage.profiles import open_stores

# Tried in this order, so jobs come first, which are asked for most. No two patterns match a path.
ROUTES = (
    jobs, plans, uploads, takes, revisions, artifacts, listen, events, webhooks, speech, models,
    voices, keys, usage, session, health,
)  # fmt: skip
STATIC = Path(str(files("api") / "static"))
DESCRIPTION = """Long text in, narrated audio out.

Submit a text or a file as a job, poll it, and fetch the audio. Every failure is a problem document
(RFC 9457) with a stable `code` and what to do about it. Where the server has keys, send one as
`Authorization: Bearer KEY`; each owner sees their own jobs and voices only."""


def create_app(settings: Settings, resources: Resources | None = None) -> FastAPI:
    """Create the application.

    Without `resources` it opens its own at startup, from the settings, and closes them at shutdown;
    resources that are passed in belong to the caller.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = resources or open_resources(settings)
        try:
            async with _running(app, opened):
                yield
        finally:
            if resources is None:
                opened.database.dispose()

    app = FastAPI(
        title="Rhapsode",
        version=version("rhapsode"),
        description=DESCRIPTION,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,  # names in generated clients
        redirect_slashes=False,  # no redirect to an address that the caller's Host header names
        docs_url=None,  # FastAPI's page loads scripts from another host; ours is below
        redoc_url=None,
        # FastAPI would ask OpenTelemetry at each request whether anybody collects traces. This
        # server has metrics and logs of its own, and sends nothing anywhere unless it is set to.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        dependencies=[Depends(refuse_unknown_parameters)],
    )
    errors.install(app)
    for module in ROUTES:
        app.include_router(module.router)
    app.mount("/static", PageFiles(directory=STATIC), name="static")
    app.add_route("/", _page("index.html"), include_in_schema=False)
    app.add_route("/docs", _page("docs.html"), include_in_schema=False)
    openapi.install(app)
    app.add_middleware(Border)
    app.add_middleware(AccessLog)  # outermost, so that refused requests are logged, too
    return app


@asynccontextmanager
async def _running(app: FastAPI, opened: Resources) -> AsyncIterator[None]:
    """Open what needs the server's event loop."""
    state = app.state
    state.resources = opened
    state.keys = KeyBook(opened.database)
    state.meter = Meter(open_rates(opened.settings.broker), opened.settings.limits, state.keys)
    state.uploads = Uploads(opened)
    state.reader = JobReader(opened.database)
    state.parts = PartReader(opened.stores.work)
    state.probes = health.ProbeState()
    state.frames = SharedFrames()
    state.feed = EventFeed(opened.database, opened.broker)
    state.models = ServedModels(opened.database)
    state.sound = SoundReader(opened, state.feed)
    state.feed.start()
    state.meter.start()
    try:
        yield
    finally:
        await state.feed.close()
        await state.meter.close()
        await state.keys.close()
        await state.uploads.close()


def open_resources(settings: Settings) -> Resources:
    """Open the database, the buckets and the broker of the service.

    Raises: SettingsError without a broker, since tasks would have to run in this process.
    """
    broker = connect_broker(settings.broker)
    database = make_engine(settings.database_url, settings.database)
    call_after_commit(database, send_queued(broker))
    return Resources(
        settings=settings,
        database=database,
        stores=open_stores(settings),
        broker=broker,
    )


class PageFiles(StaticFiles):
    """The page's scripts and styles, revalidated each time, so that versions never mix."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a whole file."""
        _drop_range(scope)
        return await super().get_response(path, scope)

    def file_response(self, *args: Any, **options: Any) -> Response:
        """Answer with a file, or with 304 if the browser has it."""
        response = super().file_response(*args, **options)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _drop_range(scope: Scope) -> None:
    """Have a file sent whole: the page's are small, and a range may be invalid."""
    scope["headers"] = [header for header in scope["headers"] if header[0] != b"range"]


def _page(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        _drop_range(request.scope)
        return FileResponse(STATIC / name, headers={"Cache-Control": "no-cache"})

    return answer
