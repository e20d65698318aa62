"""The `rhapsode` command: from options to one line and an exit code.

Commands import their modules when they run, so that `rhapsode --help` and a mistyped file name
answer immediately, without loading torch.

Exit codes: 0 done, 1 cannot be done as requested, 2 wrong usage, 70 the engine died,
75 try again later, 130 interrupted.
"""

import sys
from importlib import metadata
from typing import Annotated

import structlog
import typer

from narration.errors import RhapsodeError, TransientError
from narration.memory import share_heaps
from narration.settings import TelemetrySettings, is_logged_as_json
from narration.telemetry import set_up_logging
from rhapsode.batch import EXIT_REFUSED, EXIT_TRY_AGAIN
from rhapsode.commands import doctor, keys, models, plan, render, services, submit, voices
from rhapsode.extras import install_command, missing_extras
from rhapsode.option_names import explain

EXIT_INTERRUPTED = 130  # 128 + SIGINT, the convention of shells

app = typer.Typer(
    help="Self-hosted long-form narration: text in, narrated audio out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 100},
)
app.command("render", short_help="Narrate texts on this machine.")(render.render)
app.command("plan", short_help="Report what a text would become, without speaking it.")(plan.plan)
app.command("submit", short_help="Have a server narrate texts.")(submit.submit)
app.command(
    "serve", short_help="Serve the API and the page on this machine, without other servers."
)(services.serve)
app.command("api", short_help="Serve HTTP; `rhapsode worker` processes do the work.")(services.api)
app.command("worker")(services.worker)
app.command("sweeper")(services.sweeper)
app.command("migrate")(services.migrate)
app.command("doctor", short_help="Report what is installed and what is missing.")(doctor.doctor)
app.add_typer(models.app, name="models", help="Fetch, list and check model weights.")
app.add_typer(keys.app, name="keys", help="Create, list and revoke the keys of a server.")
app.add_typer(voices.app, name="voices", help="Store voices by name.")


def _print_version(is_wanted: bool) -> None:  # noqa: FBT001 - Typer calls it
    if is_wanted:
        typer.echo(f"rhapsode {metadata.version('rhapsode')}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options before any command."""


def main() -> None:
    """Run the command line; every expected failure is one line on stderr."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    share_heaps()
    try:
        app(arguments)
    except SystemExit as end:  # Typer's way to report usage, help and Ctrl-C
        if end.code == EXIT_INTERRUPTED:
            _report("interrupted; run the same command again to go on")
        return end.code if isinstance(end.code, int) else EXIT_REFUSED if end.code else 0
    except ModuleNotFoundError as error:
        extras = missing_extras(error.name, arguments[0])
        if not extras:
            raise
        _report(f"this needs {error.name}: {install_command(*extras)}")
        return EXIT_REFUSED
    except RhapsodeError as error:
        _report(explain(error))
        return EXIT_TRY_AGAIN if isinstance(error, TransientError) else EXIT_REFUSED
    return 0


def _report(reason: str) -> None:
    """Print a last line for people, or log a last event for machines."""
    if not is_logged_as_json():
        typer.echo(f"rhapsode: {reason}", err=True)
        return
    set_up_logging(TelemetrySettings(log_format="json"))
    structlog.get_logger(__name__).error("command_failed", reason=reason)
