"""`rhapsode models`: fetch the official weights, list what is here, check that it is whole."""

from typing import Annotated

import typer

from rhapsode.progress import download_bar

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A name from `rhapsode models list`.")]


@app.command("pull")
def pull(name: Name) -> None:
    """Fetch a model from the Hugging Face hub; interrupted and run again, it goes on."""
    from worker.chatterbox import hub  # noqa: PLC0415 - the hub's client takes a second to load

    with download_bar() as bar:
        task = bar.add_task(name, total=None)

        def show(progress: hub.PullProgress) -> None:
            bar.update(
                task,
                description=progress.file,
                completed=progress.done_bytes,
                total=progress.total_bytes,
            )

        folder = hub.pull(name, show)
    typer.echo(f"{name}: {folder}")


@app.command("list")
def list_models() -> None:
    """List the models there are and whether they are on this machine."""
    from worker.chatterbox import hub  # noqa: PLC0415

    for model in hub.list_models():
        place = f"{model.size_bytes / 1e6:,.0f} MB in {model.folder}" if model.folder else "absent"
        typer.echo(f"{model.name}\t{model.source}\t{place}")


@app.command("verify")
def verify(name: Name) -> None:
    """Read every file of a model and compare it with the digests of its pull."""
    from worker.chatterbox import hub  # noqa: PLC0415

    typer.echo(f"{name}: whole, in {hub.verify(name)}")
