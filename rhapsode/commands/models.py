"""`rhapsode models`: fetch the official weights, list what is here, check that it is whole."""

from typing import Annotated

import structlog
import typer

from narration.settings import load_settings
from narration.telemetry import set_up_logging
from rhapsode.downloads import download_progress, patiently

app = typer.Typer(no_args_is_help=True)
log = structlog.get_logger(__name__)

Name = Annotated[str, typer.Argument(help="A name from `rhapsode models list`.")]
Wanted = Annotated[
    str | None,
    typer.Argument(
        help="A name, or a folder to check. Without one: RHAPSODE_MODEL__CHECKPOINT.",
        show_default=False,
    ),
]
Patience = Annotated[
    float, typer.Option(min=0, help="Seconds to keep retrying a hub that does not answer.")
]


@app.command("pull", short_help="Fetch a model from the Hugging Face hub.")
def pull(model: Wanted = None, patience_s: Patience = 0) -> None:
    """Fetch a model from the Hugging Face hub; if interrupted, run it again to continue.

    What needs no fetching, the bundled model or a folder, is checked instead.
    """
    from worker.chatterbox import hub  # noqa: PLC0415 - the hub client takes a second to load

    settings = load_settings()
    set_up_logging(settings.telemetry)
    is_logged = settings.telemetry.log_format == "json"
    checkpoint = model or settings.model.checkpoint
    with download_progress(checkpoint, is_logged=is_logged) as show:
        folder = patiently(lambda: hub.bring(checkpoint, show), patience_s)
    if is_logged:
        log.info("weights_present", model=checkpoint, folder=str(folder))
    else:
        typer.echo(f"{checkpoint}: {folder}")


@app.command("list", short_help="List the models and whether they are here.")
def list_models() -> None:
    """List the models there are and whether they are on this machine."""
    from worker.chatterbox import hub  # noqa: PLC0415

    for model in hub.list_models():
        place = f"{model.size_bytes / 1e6:,.0f} MB in {model.folder}" if model.folder else "absent"
        typer.echo(f"{model.name}\t{model.source}\t{place}")


@app.command("verify", short_help="Read every file of a model and compare its digests.")
def verify(name: Name) -> None:
    """Read every file of a model and compare it with the digests of its pull."""
    from worker.chatterbox import hub  # noqa: PLC0415

    typer.echo(f"{name}: complete, in {hub.verify(name)}")
