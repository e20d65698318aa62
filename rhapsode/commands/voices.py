"""`rhapsode voices`: recordings stored by name, and the voices that come with a model."""

from pathlib import Path
from typing import Annotated

import typer

from narration.settings import load_settings
from rhapsode.library import VoiceLibrary

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name to use with --voice.", show_default=False)]
Recording = Annotated[
    Path, typer.Argument(help="Five seconds or more of one speaker.", show_default=False)
]
Model = Annotated[str, typer.Option(help="Also list the voices of this model.")]


@app.command("add")
def add(name: Name, recording: Recording) -> None:
    """Keep a recording as a voice."""
    VoiceLibrary(load_settings()).add(name, recording)
    typer.echo(f"{name}: use it with --voice {name}")


@app.command("list")
def list_voices(model: Model = "demo") -> None:
    """List the kept voices and those of a model."""
    from worker.chatterbox.checkpoint import Voices  # noqa: PLC0415 - loads torch
    from worker.chatterbox.hub import resolve_model  # noqa: PLC0415

    for voice in VoiceLibrary(load_settings()).voices():
        typer.echo(f"{voice.name}\trecording\t{voice.recording}")
    for name in Voices(resolve_model(model)):
        typer.echo(f"{name}\tmodel {model}")


@app.command("remove")
def remove(name: Name) -> None:
    """Forget a kept voice."""
    VoiceLibrary(load_settings()).remove(name)
