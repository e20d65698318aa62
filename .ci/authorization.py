"""Writes which scope each call demands: python .ci/authorization.py docs/authorization.md.

The table is made of the routes themselves; a test fails while the page differs from it.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.app import ROUTES, create_app
from api.deps import Access
from narration.settings import Settings

HEAD = """# Authorization

Which scope a call demands of its key. Written from the routes by `make authorization`; keys.md
tells how keys get their scopes.

- A key has each scope that it needs: none holds another. Keys of the environment have submit, read
  and voices; those that `RHAPSODE_API__ADMINS` names have admin, too. A server without any keys
  asks for none and lets everybody do what those three scopes allow, as the owner `local`.
- Whatever the scope, a key opens what its own owner has. Only admin reaches beyond, to the keys and
  the usage of all; who may make keys can make one for anything, so give it to nobody who should not
  have everything.
- A browser that signed in has the scopes of its key. A signed URL opens its own address only, while
  its key is valid and has the scope read.
- Answers to calls that demand submit show the job or plan that they are about.
- A webhook tells of the jobs of all of its owner's keys, so that only a key that may read makes one
  or has it sent elsewhere; it says which key made it (`key_id`), and outlives that key.

| call | scope | also by a signed URL |
|---|---|---|
"""


def rows() -> Iterator[tuple[str, str, Access | None]]:
    """Yield every call that the API describes, and what it demands."""
    with tempfile.TemporaryDirectory() as folder:
        described = create_app(Settings(data_dir=Path(folder))).openapi()["paths"]
    demands = {
        (method, route.path): _access(route.dependant)
        for module in ROUTES
        for route in module.router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    for path, calls in described.items():
        for method in calls:
            yield method.upper(), path, demands[method.upper(), path]


def page() -> str:
    """Return the page."""
    return HEAD + "".join(
        f"| `{method} {path}` | {_demand(path, access)} | {_mark(access)} |\n"
        for method, path, access in rows()
    )


def _demand(path: str, access: Access | None) -> str:
    if access is None:
        return "none: it takes the key" if path == "/v1/session" else "none: public"
    return " and ".join(scope.value for scope in access.scopes) or "any key"


def _mark(access: Access | None) -> str:
    return "yes" if access is not None and access.takes_signatures else ""


def _access(dependant: Dependant) -> Access | None:
    """Find what a route demands; the strictest place is the only one."""
    found = [each.call for each in dependant.dependencies if isinstance(each.call, Access)]
    if len(found) > 1:
        raise ValueError(f"{dependant.path} demands two things")
    return found[0] if found else None


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
