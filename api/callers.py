"""Identifies callers by a bearer key, a session cookie or a signed URL."""

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

LOCAL = "local"  # the owner of everything if there are no keys
SIGNED_OUT = "the sign-in of this browser has expired, or its key is no longer valid: sign in again"
KEY_MARK = "\0"  # marks a key id where otherwise an owner's name is; no name contains it


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Signs a caller's URLs: a name by which to find the key again, and the key's bytes."""

    name: str
    key: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The caller and their scopes; `key` is set for keys from the database."""

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
    """Return the caller by the key or cookie that was sent.

    Raises: UnauthorizedError, RevokedKeyError, ExpiredKeyError; ForbiddenError if another site sent
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
    """Return the caller with this key. Raises: see `find_caller`."""
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
    """Return who is signed in on this browser; None if nobody is."""
    if is_secret(SESSION_PREFIX, cookie):
        key = await book.by_session(cookie)
        return _of_key(key) if key is not None and key.is_usable(utc_now()) else None
    owner = owner_of_token(cookie, settings.keys, utc_now())
    return None if owner is None else _of_environment(owner, settings)


async def of_signature(
    request: Request, token: str, book: KeyBook, settings: ApiSettings
) -> Caller:
    """Return the owner of a signed URL, who may only read its path.

    Raises: SignatureError, DatabaseUnavailable.
    """
    claims = tokens.parse(token)
    signer = None if claims is None else await _signer_of(claims.name, book, settings)
    if claims is None or signer is None or signer.signer is None:
        raise SignatureError("the URL was changed, or its owner has another key by now")
    if not claims.is_signed_with(signer.signer.key, purpose=purpose_of(request.scope["path"])):
        raise SignatureError("the URL was changed, or its owner has another key by now")
    if claims.expires <= utc_now().timestamp():
        raise SignatureError("the URL has expired")
    return signer


def owner_of_key(candidate: str, keys: Mapping[str, SecretStr]) -> str | None:
    """Return the owner of a key from the environment; None if it is nobody's."""
    # All keys are compared, each in constant time, so that timing reveals nothing.
    matches = [
        owner
        for owner, key in keys.items()
        if hmac.compare_digest(candidate.encode(), key.get_secret_value().encode())
    ]
    return matches[0] if matches else None


async def _signer_of(name: str, book: KeyBook, settings: ApiSettings) -> Caller | None:
    """Return the signing owner, with the scope read only; requests by players are not counted."""
    if not name.startswith(KEY_MARK):
        key = settings.keys.get(name)
        signer = None if key is None else Signer(name=name, key=key)
        return Caller(owner=name, scopes=frozenset({Scope.READ}), signer=signer)
    key_id = name.removeprefix(KEY_MARK)
    stored_key = await book.by_id(key_id) if is_id("key", key_id) else None
    if (
        stored_key is None
        or not stored_key.is_usable(utc_now())
        or Scope.READ not in stored_key.scopes
    ):
        return None
    caller = _of_key(stored_key)
    return Caller(owner=caller.owner, scopes=frozenset({Scope.READ}), signer=caller.signer)


def _of_environment(owner: str, settings: ApiSettings) -> Caller:
    is_admin = owner in settings.admin_owners
    return Caller(
        owner=owner,
        scopes=USUAL_SCOPES | {Scope.ADMIN} if is_admin else USUAL_SCOPES,
        signer=Signer(name=owner, key=settings.keys[owner]),
    )


def _of_key(key: KnownKey) -> Caller:
    # Signed with the digest, because the secret is not stored. Somebody who can read the database
    # could forge URLs that read media with it, but not keys or sessions.
    signer = Signer(name=KEY_MARK + key.id, key=SecretStr(key.digest))
    can_read = Scope.READ in key.scopes  # a URL must not allow more than the key itself
    return Caller(owner=key.owner, scopes=key.scopes, key=key, signer=signer if can_read else None)
