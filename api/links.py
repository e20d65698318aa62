"""Addresses for clients: with the path prefix of a proxy, and signed for players.

A player, a feed reader or a download link sends no key. A signed URL contains its owner and expiry,
for exactly one path; it is signed with the owner's key.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from api import tokens
from narration.errors import InputError

PARAMETER = "signature"
ROUND_S = 3600  # the URL stays the same this long, so that repeated downloads can be cached
_PREFIX = re.compile(rb"(?:/[A-Za-z0-9._~-]{1,64}){1,8}")
_PURPOSE = b"rhapsode url"


class SignatureError(InputError):
    """The signed URL is not valid."""

    code = "signature_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Makes addresses for one request; without a key they need no signature."""

    prefix: str
    owner: str
    key: SecretStr | None
    lasts_s: int
    now: datetime

    def to(self, path: str) -> str:
        """Return the address of a path for clients that send a key."""
        return self.prefix + path

    def signed(self, path: str, parameters: str = "") -> str:
        """Return an address that works without a key for a limited time."""
        query = self.query(path)
        more = f"{'&' if query else '?'}{parameters}" if parameters else ""
        return self.prefix + path + query + more

    def query(self, path: str) -> str:
        """Return the query string that signs a path; empty if there are no keys."""
        if self.key is None:
            return ""
        token = tokens.issue(self.owner, self.key, purpose=purpose_of(path), expires=self._expires)
        return f"?{PARAMETER}={token}"

    @property
    def _expires(self) -> int:
        end = (self.now + timedelta(seconds=self.lasts_s)).timestamp()
        return int(-(-end // ROUND_S) * ROUND_S)


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """Set the `Link` header to the next page, if there is one."""
    if cursor is not None:
        url = request.url.include_query_params(cursor=cursor)
        path = prefix_of(request.scope) + url.path
        response.headers["Link"] = f'<{path}?{url.query}>; rel="next"'


def purpose_of(path: str) -> bytes:
    """Return the signing purpose of a path, as the server sees it."""
    return _PURPOSE + b"\0" + path.encode()


def prefix_of(scope: Scope) -> str:
    """Return the path prefix that a proxy reports to have removed; "" if none."""
    reported = dict(scope["headers"]).get(b"x-forwarded-prefix", b"").rstrip(b"/")
    return reported.decode() if _PREFIX.fullmatch(reported) else ""
