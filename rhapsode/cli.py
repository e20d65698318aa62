"""The `rhapsode` command: options in, one line and an exit code out.

Commands import what they need when they run, so that `rhapsode --help` and a mistyped file name
answer at once, without loading torch.

Exit codes: 0 done, 1 cannot be done as asked, 2 wrong usage, 70 the engine died,
75 try again later, 130 interrupted.
"""

import sys

import typer

from narration.errors import RhapsodeError, TransientError
from rhapsode.commands import doctor, models, render, services, submit, voices

EXIT_REFUSED = 1
EXIT_TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells count

app = typer.Typer(
    help="Self-hosted long-form narration: text in, narrated audio out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("render")(render.render)
app.command("submit")(submit.submit)
app.command("serve")(services.serve)
app.command("api")(services.api)
app.command("worker")(services.worker)
app.command("sweeper")(services.sweeper)
app.command("migrate")(services.migrate)
app.command("doctor")(doctor.doctor)
app.add_typer(models.app, name="models", help="Fetch, list and check model weights.")
app.add_typer(voices.app, name="voices", help="Keep voices by name.")


def main() -> None:
    """Run the command line; every expected failure is one line on stderr."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    try:
        app(arguments)
    except SystemExit as end:  # how Typer reports usage, help and Ctrl-C
        if end.code == EXIT_INTERRUPTED:
            typer.echo("rhapsode: interrupted; run the same command again to go on", err=True)
        return end.code if isinstance(end.code, int) else EXIT_REFUSED if end.code else 0
    except RhapsodeError as error:
        typer.echo(f"rhapsode: {error}", err=True)
        return EXIT_TRY_AGAIN if isinstance(error, TransientError) else EXIT_REFUSED
    return 0
