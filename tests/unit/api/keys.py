"""Keys in the database of a test's server, and the headers that send them."""

from datetime import timedelta
from typing import Any

from api.deps import Resources
from narration.clock import utc_now
from narration.database import session_scope
from narration.keys.manage import MadeKey, NewKey, make_key, revoke_key

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


def make(
    resources: Resources, *scopes: Any, ago: timedelta | None = None, **fields: Any
) -> MadeKey:
    """Make a key; `ago` says how long ago it was made."""
    chosen = {"scopes": frozenset(scopes)} if scopes else {}
    new = NewKey(**{"owner": "ann", "name": "ci"} | chosen | fields)
    with session_scope(resources.database) as session:
        return make_key(session, new, now=utc_now() - (ago or timedelta()))


def revoke(resources: Resources, made: MadeKey) -> None:
    with session_scope(resources.database) as session:
        revoke_key(session, made.key.id, now=utc_now())


def bearer(made: MadeKey) -> dict[str, str]:
    return {"Authorization": f"Bearer {made.secret}"}
