"""Signed-in sessions of the page: a cookie that identifies users without containing their key.

A browser's players and links cannot send a bearer key, but they send cookies. The cookie is signed
with the owner's key, so it becomes invalid with the key, and nothing has to be stored.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api import tokens

COOKIE = "rhapsode_session"
LASTS_S = 30 * 86_400
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PURPOSE = b"rhapsode session"


class SessionForm(BaseModel):
    """The body that signs a browser in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[SecretStr, Field(min_length=1, max_length=1024)]


class SessionBody(BaseModel):
    """Who is signed in on this browser; `owner` is null if nobody is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    owner: str | None
    requires_key: bool


def issue_token(owner: str, key: SecretStr, now: datetime) -> str:
    """Return the cookie value for a signed-in owner."""
    expires = int((now + timedelta(seconds=LASTS_S)).timestamp())
    return tokens.issue(owner, key, purpose=_PURPOSE, expires=expires)


def owner_of_token(token: str, keys: Mapping[str, SecretStr], now: datetime) -> str | None:
    """Return the session's owner; None if it is forged or expired, or its key is gone."""
    claims = tokens.read(token, keys, purpose=_PURPOSE)
    return claims.owner if claims and now.timestamp() < claims.expires else None


def is_from_this_site(headers: Mapping[str, str]) -> bool:
    """Return whether a page of this server made the request, according to the browser.

    Another site can make a browser send the cookie, but cannot forge these headers. Older browsers
    do not send Sec-Fetch-Site; their Origin must match the requested host.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] == headers.get("host")
