"""The long-running processes: `serve` is all of them on one machine, the others are one each."""

from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from narration import demonstration
from narration.broker.interface import Queue
from narration.settings import Settings, load_settings
from narration.telemetry import set_up_logging

if TYPE_CHECKING:
    from worker.process import LoadedModel

log = structlog.get_logger(__name__)

Model = Annotated[
    str | None, typer.Option(help="Instead of RHAPSODE_MODEL__CHECKPOINT.", show_default=False)
]
Queues = Annotated[
    list[Queue] | None,
    typer.Option("--queue", help="What to work on; may be given twice. Both by default."),
]
Host = Annotated[str | None, typer.Option(help="The address to listen on.", show_default=False)]
Port = Annotated[
    int | None,
    typer.Option(min=1, max=65_535, help="The port to listen on.", show_default=False),
]


def serve(model: Model = None, host: Host = None, port: Port = None) -> None:
    """Serve the whole API on this machine, without Postgres, Redis or S3."""
    from rhapsode.http_server import serve_machine  # noqa: PLC0415 - others need no web framework
    from rhapsode.machine import on_one_machine  # noqa: PLC0415

    settings = on_one_machine(_settings(host, port))
    if model is not None:
        chosen = settings.model.model_copy(update={"checkpoint": model})
        settings = settings.model_copy(update={"model": chosen})
    if settings.model.checkpoint == demonstration.MODEL:
        log.warning("demonstration_voice", notice=demonstration.ON_ONE_MACHINE)
    raise typer.Exit(serve_machine(settings, _load_model))


def api(host: Host = None, port: Port = None) -> None:
    """Serve HTTP; jobs are worked off by `rhapsode worker` processes."""
    from api.app import create_app, open_resources  # noqa: PLC0415
    from rhapsode.http_server import check_port, listen  # noqa: PLC0415
    from rhapsode.interrupts import Interrupts  # noqa: PLC0415

    settings = _settings(host, port)
    check_port(settings.api)
    # Here, not at the server's startup, which would answer a wrong setting with a traceback.
    resources = open_resources(settings)
    log.info("api_started", host=settings.api.host, port=settings.api.port)
    try:
        with Interrupts() as interrupts:
            listen(create_app(settings, resources), settings.api, interrupts)
    finally:
        resources.database.dispose()
    log.info("api_ended")


def worker(queue: Queues = None) -> None:
    """Work off jobs: `cpu` plans and assembles, `gpu` speaks."""
    from worker.app import run_worker  # noqa: PLC0415

    queues = frozenset(queue or Queue)
    raise typer.Exit(run_worker(load_settings(), queues, _load_model))


def sweeper() -> None:
    """Send again what stalled, and delete what is no longer kept."""
    from narration.sweeper import main  # noqa: PLC0415

    main()


def migrate() -> None:
    """Bring the database to the present schema."""
    from narration.migrate import migrate as run  # noqa: PLC0415

    settings = load_settings()
    set_up_logging(settings.telemetry)
    run(settings.database_url)
    log.info("database_migrated")


def _load_model(settings: Settings) -> "LoadedModel":
    from worker.model import load_model  # noqa: PLC0415 - planning needs no torch

    return load_model(settings)


def _settings(host: str | None, port: int | None) -> Settings:
    settings = load_settings()
    overrides = {"host": host, "port": port}
    chosen = {name: value for name, value in overrides.items() if value is not None}
    settings = settings.model_copy(update={"api": settings.api.model_copy(update=chosen)})
    set_up_logging(settings.telemetry)
    return settings
