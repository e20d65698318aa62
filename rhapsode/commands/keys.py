"""`rhapsode keys`: keys for the callers of a server, in the configured database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from json import dumps as dump_json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Engine

from narration.clock import utc_now
from narration.database import make_engine, session_scope
from narration.errors import NotFoundError
from narration.ids import is_id
from narration.keys.manage import LONGEST, MAX_CHARACTERS, NewKey, list_keys, make_key, revoke_key
from narration.keys.record import ApiKey
from narration.keys.scopes import USUAL_SCOPES, KeyLimits, Scope
from narration.migrate import migrate
from narration.settings import load_settings

LOCAL = "local"  # owns everything on a server that has had no keys so far
MAX_LISTED = 10_000
WIDE = 400  # an id that wraps over two lines cannot be copied

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Its name in lists.", show_default=False)]
KeyId = Annotated[str, typer.Argument(help="As `rhapsode keys list` shows it.", show_default=False)]
Owner = Annotated[str, typer.Option(help="The owner whose jobs and voices it gives access to.")]
OneOwner = Annotated[
    str | None, typer.Option("--owner", help="Of this owner only.", show_default=False)
]
Scopes = Annotated[
    list[Scope] | None,
    typer.Option("--scope", help="May be repeated. [default: submit, read, voices]"),
]
Days = Annotated[
    int | None,
    typer.Option(min=1, max=LONGEST.days, help="Days until it expires.", show_default=False),
]
Count = Annotated[
    int | None,
    typer.Option(min=1, max=2**31 - 1, help="The limit of this key.", show_default=False),
]
Characters = Annotated[
    int | None,
    typer.Option(min=1, max=MAX_CHARACTERS, help="The limit of this key.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]


@app.command("create", short_help="Make a key; its secret is shown once.")
def create(  # noqa: PLR0917 - Typer passes them by name
    name: Name,
    owner: Owner = LOCAL,
    scope: Scopes = None,
    days: Days = None,
    requests_a_minute: Count = None,
    queued_jobs: Count = None,
    characters_a_day: Characters = None,
    streams: Count = None,
    json: Json = False,  # noqa: FBT002 - a flag of the command line
) -> None:
    """Make a key; stdout gets its secret, which is shown this once and not kept."""
    now = utc_now()
    new = NewKey(
        owner=owner,
        name=name,
        scopes=frozenset(scope or USUAL_SCOPES),
        expires_at=None if days is None else now + timedelta(days=days),
        limits=KeyLimits(
            requests_a_minute=requests_a_minute,
            queued_jobs=queued_jobs,
            characters_a_day=characters_a_day,
            streams=streams,
        ),
    )
    with _database() as database, session_scope(database) as session:
        new_key = make_key(session, new, now=now)
    if json:
        typer.echo(dump_json(_as_json(new_key.key) | {"secret": new_key.secret}, indent=2))
        return
    typer.echo(f"{new_key.key.id} of {owner}: {', '.join(new_key.key.scopes)}", err=True)
    typer.echo(new_key.secret)


@app.command("list")
def list_all(owner: OneOwner = None, json: Json = False) -> None:  # noqa: FBT002
    """List keys, newest first; their secrets are not kept."""
    with _database() as database, session_scope(database, is_read_only=True) as session:
        keys = list_keys(session, owner=owner, limit=MAX_LISTED)
    if json:
        typer.echo(dump_json([_as_json(key) for key in keys], indent=2))
        return
    now = utc_now()
    table = Table("id", "owner", "name", "scopes", "state", "last used", box=None, pad_edge=False)
    for key in keys:
        cells = (key.id, key.owner, key.name, ", ".join(key.scopes), _state(key, now))
        table.add_row(*map(escape, (*cells, _day(key.last_used_at) or "never")))
    Console(width=WIDE).print(table)


@app.command("revoke", short_help="Revoke a key.")
def revoke(key_id: KeyId) -> None:
    """Revoke a key: servers refuse it within a second, and end its streams within seconds."""
    if not is_id("key", key_id):
        raise NotFoundError(f"{key_id!r} is not the id of a key: `rhapsode keys list` shows them")
    with _database() as database, session_scope(database) as session:
        key = revoke_key(session, key_id, now=utc_now())
    typer.echo(f"{key.id} ({key.name}) of {key.owner} is revoked")


@contextmanager
def _database() -> Iterator[Engine]:
    settings = load_settings()
    if settings.database.url is None:
        # As `rhapsode serve` does; on a server, migrating is a separate step.
        migrate(settings.database_url)
    database = make_engine(settings.database_url, settings.database)
    try:
        yield database
    finally:
        database.dispose()


def _as_json(key: ApiKey) -> dict[str, Any]:
    moments = ("created_at", "expires_at", "last_used_at", "revoked_at")
    fields = {name: getattr(key, name) for name in ("id", "owner", "name", "scopes")}
    fields |= {"limits": asdict(key.limits)}
    return fields | {name: _moment(getattr(key, name)) for name in moments}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return f"revoked {_day(key.revoked_at)}"
    if key.expires_at is None:
        return "valid"
    return f"{'expired' if key.expires_at <= now else 'until'} {_day(key.expires_at)}"
