"""All commands and their options before any command; importing it takes a second or more."""

from importlib import metadata
from typing import Annotated

import typer

from rhapsode.commands import doctor, keys, models, plan, render, services, submit, voices

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
