"""Who is calling: by a bearer key, by the cookie of a signed-in browser, or by a signed URL."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import Request
from pydantic import SecretStr

from api import tokens
from api.errors import (
    ExpiredKeyError,
    ForbiddenError,
    RevokedKeyError,
    ScopeError,
    UnauthorizedError,
)
from api.keybook import KeyBook
from api.links import SignatureError, purpose_of
from api.sessions import COOKIE, SAFE_METHODS, is_from_this_site, owner_of_token
from narration.api_settings import ApiSettings
from narration.clock import utc_now
from narration.ids import is_id
from narration.keys.lookup import KnownKey
from narration.keys.scopes import USUAL_SCOPES, Scope, in_order
from narration.keys.secret import KEY_PREFIX, SESSION_PREFIX, is_secret

LOCAL = "local"  # the owner of everything where there are no keys
SIGNED_OUT = (
    "the sign-in of this browser has ended, since its time is over or its key is no longer good: "
    "sign in again"
)
KEY_MARK = "\0"  # before the id of a key in the place of an owner's name: no name holds it


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """What signs a caller's URLs: a name that finds the key again, and the key's bytes."""

    name: str
    key: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is calling and what they may do. `key`: of the database, if one was sent."""

    owner: str
    scopes: frozenset[Scope]
    key: KnownKey | None = None
    signer: Signer | None = field(default=None)

    def require(self, scope: Scope) -> None:
        """Check for a scope. Raises: ScopeError."""
        if scope in self.scopes:
            return
        if self.key is not None:
            has = ", ".join(in_order(self.scopes))
            raise ScopeError(
                f"the key {self.key.name!r} lacks the scope {scope.value!r}: it has {has}"
            )
        raise ScopeError(
            f"this needs the scope {scope.value!r}, which neither keys of the environment have "
            "that RHAPSODE_API__ADMINS does not name, nor servers that have no keys"
        )


async def find_caller(request: Request, book: KeyBook, settings: ApiSettings) -> Caller:
    """Return who sent a key or a cookie.

    Raises: UnauthorizedError, RevokedKeyError, ExpiredKeyError; ForbiddenError if another site used
    the cookie; DatabaseUnavailable.
    """
    if not settings.keys and not await book.has_keys():
        return Caller(owner=LOCAL, scopes=USUAL_SCOPES)
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key:
        return await of_bearer(key.strip(), book, settings)
    cookie = request.cookies.get(COOKIE, "")
    caller = await of_cookie(cookie, book, settings)
    if caller is None:
        raise UnauthorizedError(SIGNED_OUT if cookie else "no bearer key was sent")
    if request.method not in SAFE_METHODS and not is_from_this_site(request.headers):
        raise ForbiddenError("a session was sent by another site: use the page of this server")
    return caller


async def of_bearer(secret: str, book: KeyBook, settings: ApiSettings) -> Caller:
    """Return whose key it is. Raises: see `find_caller`."""
    owner = owner_of_key(secret, settings.keys)
    if owner is not None:
        return _of_environment(owner, settings)
    key = await book.by_secret(secret) if is_secret(KEY_PREFIX, secret) else None
    if key is None:
        raise UnauthorizedError("the bearer key is not known here")
    if key.revoked_at is not None:
        raise RevokedKeyError(f"the key {key.name!r} was revoked")
    if key.is_expired(utc_now()):
        raise ExpiredKeyError(
            f"the key {key.name!r} expired at {key.expires_at:%Y-%m-%d %H:%M} UTC"
        )
    return _of_key(key)


async def of_cookie(cookie: str, book: KeyBook, settings: ApiSettings) -> Caller | None:
    """Return who signed in with this browser; None if nobody did, or no longer."""
    if is_secret(SESSION_PREFIX, cookie):
        key = await book.by_session(cookie)
        return _of_key(key) if key is not None and key.is_usable(utc_now()) else None
    owner = owner_of_token(cookie, settings.keys, utc_now())
    return None if owner is None else _of_environment(owner, settings)


async def of_signature(
    request: Request, token: str, book: KeyBook, settings: ApiSettings
) -> Caller:
    """Return whose signed URL was asked for; it lets read its own path and nothing else.

    Raises: SignatureError, DatabaseUnavailable.
    """
    said = tokens.parse(token)
    signer = None if said is None else await _signer_of(said.name, book, settings)
    if said is None or signer is None or signer.signer is None:
        raise SignatureError("the URL was changed, or its owner has another key by now")
    if not said.is_signed_with(signer.signer.key, purpose=purpose_of(request.scope["path"])):
        raise SignatureError("the URL was changed, or its owner has another key by now")
    if said.expires <= utc_now().timestamp():
        raise SignatureError("the URL has expired")
    return signer


def owner_of_key(candidate: str, keys: Mapping[str, SecretStr]) -> str | None:
    """Return whose key of the environment it is; None if it is nobody's."""
    # Every key is compared, each in constant time: the answer's delay tells nothing.
    matches = [
        owner
        for owner, key in keys.items()
        if hmac.compare_digest(candidate.encode(), key.get_secret_value().encode())
    ]
    return matches[0] if matches else None


async def _signer_of(name: str, book: KeyBook, settings: ApiSettings) -> Caller | None:
    """Return the owner of a signature, with nothing but reading; players are not counted."""
    if not name.startswith(KEY_MARK):
        key = settings.keys.get(name)
        signer = None if key is None else Signer(name=name, key=key)
        return Caller(owner=name, scopes=frozenset({Scope.READ}), signer=signer)
    key_id = name.removeprefix(KEY_MARK)
    known = await book.by_id(key_id) if is_id("key", key_id) else None
    if known is None or not known.is_usable(utc_now()) or Scope.READ not in known.scopes:
        return None
    caller = _of_key(known)
    return Caller(owner=caller.owner, scopes=frozenset({Scope.READ}), signer=caller.signer)


def _of_environment(owner: str, settings: ApiSettings) -> Caller:
    is_admin = owner in settings.admin_owners
    return Caller(
        owner=owner,
        scopes=USUAL_SCOPES | {Scope.ADMIN} if is_admin else USUAL_SCOPES,
        signer=Signer(name=owner, key=settings.keys[owner]),
    )


def _of_key(key: KnownKey) -> Caller:
    # Signed with the digest, since the secret is not kept. Whoever reads the database could forge
    # URLs with it, which read media; keys and sessions they cannot.
    signer = Signer(name=KEY_MARK + key.id, key=SecretStr(key.digest))
    can_read = Scope.READ in key.scopes  # a URL must not open more than the key itself
    return Caller(owner=key.owner, scopes=key.scopes, key=key, signer=signer if can_read else None)
