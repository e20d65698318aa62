"""Builds the documentation as a site: python .ci/site.py FOLDER.

The pages are README.md and docs/ as they are; the reference of commands, settings and the API is
written from the code, so it cannot be out of date.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import typer
import yaml

from api.app import create_app
from narration.settings import Settings
from rhapsode.commands.app import app

ROOT = Path(__file__).parents[1]


def main(folder: Path) -> None:
    """Write the site into a folder; a link that leads nowhere is an error."""
    with tempfile.TemporaryDirectory() as scratch:
        pages = Path(scratch) / "docs"
        shutil.copytree(ROOT / "docs", pages)
        home = (ROOT / "README.md").read_text(encoding="utf-8").replace("docs/images/", "images/")
        (pages / "index.md").write_text(home, encoding="utf-8")
        reference = pages / "reference"
        reference.mkdir()
        (reference / "commands.md").write_text("".join(_commands()), encoding="utf-8")
        (reference / "settings.md").write_text(_settings(), encoding="utf-8")
        (reference / "http.md").write_text("".join(_operations()), encoding="utf-8")
        config = Path(scratch) / "mkdocs.yml"
        config.write_text(yaml.safe_dump(_config(pages)), encoding="utf-8")
        where = ["--config-file", str(config), "--site-dir", str(folder.absolute())]
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", *where]
        subprocess.run(command, check=True)  # noqa: S603 - our own arguments


def _config(pages: Path) -> dict[str, Any]:
    decisions = sorted(path.name for path in (pages / "decisions").glob("*.md"))
    return {
        "site_name": "Rhapsode",
        # No fonts and no scripts of other servers: the site is read where there is no network, too.
        "theme": {"name": "material", "font": False, "palette": list(_palettes())},
        "plugins": ["search"],
        "markdown_extensions": ["admonition", "tables", "toc", "pymdownx.superfences"],
        "nav": [
            {"Rhapsode": "index.md"},
            {"Tutorial": "tutorial.md"},
            {"How to": [
                {"Clone a voice": "voices.md"}, {"Narrate many texts": "batch.md"},
                {"Use the API": "api.md"}, {"Keys and limits": "keys.md"},
                {"Receive webhooks": "webhooks.md"},
                {"Deploy, with or without a GPU": "deploy.md"}, {"Operate": "operations.md"},
            ]},
            {"Reference": [
                {"Commands": "reference/commands.md"}, {"Settings": "reference/settings.md"},
                {"HTTP": "reference/http.md"}, {"Authorization": "authorization.md"},
                {"Text and sound": "text.md"}, {"The model": "model.md"},
            ]},
            {"Explanation": [
                {"Architecture": "architecture.md"}, {"Performance": "performance.md"},
                {"Listening": "listening.md"}, {"The page": "design.md"},
                {"Decisions": [f"decisions/{name}" for name in decisions]},
            ]},
        ],
    }  # fmt: skip


def _palettes() -> Iterator[dict[str, Any]]:
    for scheme, other, icon in (
        ("default", "dark", "weather-night"),
        ("slate", "light", "weather-sunny"),
    ):
        mode = "light" if scheme == "default" else "dark"
        yield {
            "media": f"(prefers-color-scheme: {mode})",
            "scheme": scheme,
            "toggle": {"icon": f"material/{icon}", "name": f"Switch to {other} colours"},
        }


def _commands() -> Iterator[str]:
    yield "# Commands\n\nWhat `rhapsode COMMAND --help` prints.\n"
    yield from _help(
        typer.main.get_command(app), click.Context(click.Command("rhapsode")), "rhapsode"
    )


def _help(command: click.Command, above: click.Context, name: str) -> Iterator[str]:
    with click.Context(command, info_name=name, parent=above.parent) as context:
        context.max_content_width = 96
        yield f"\n## {name}\n\n```text\n{command.get_help(context)}\n```\n"
        if isinstance(command, click.Group):
            for each in command.list_commands(context):
                found = command.get_command(context, each)
                assert found is not None
                yield from _help(found, context, f"{name} {each}")


def _settings() -> str:
    listed = (ROOT / ".env.example").read_text(encoding="utf-8")
    return (
        "# Settings\n\nEach is an environment variable, or a line of `.env`. A line that begins "
        f"with `#RHAPSODE_` shows the default.\n\n```sh\n{listed}```\n"
    )


def _operations() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        described = create_app(Settings(data_dir=Path(folder))).openapi()
    yield "# HTTP\n\nWritten from `GET /openapi.json`, which has the schemas of all bodies.\n"
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            yield from _operation(method, path, operation)


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"\n## {method.upper()} {path}\n\n**{operation.get('summary', '')}.** "
    yield f"{operation.get('description', '')}\n\n"
    parameters = operation.get("parameters", [])
    if parameters:
        yield "| parameter | in | what |\n|---|---|---|\n"
    for each in parameters:
        needed = " (required)" if each.get("required") else ""
        yield f"| `{each['name']}` | {each['in']} | {each.get('description', '')}{needed} |\n"
    yield "\n| status | what |\n|---|---|\n"
    for status, answer in operation["responses"].items():
        yield f"| {status} | {' '.join(answer.get('description', '').split())} |\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
