"""Short texts that identify an owner until a given time, signed with the owner's key.

They become invalid with the key, nothing has to be stored, and any process that knows the keys can
check them. A token for one purpose is not valid for another.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr

_MOST_DIGITS = 12
_DIGEST_BYTES = 16  # of 32: enough to be unguessable, and short enough for URLs


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The owner of a token, and the time from which on it is invalid."""

    owner: str
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedToken:
    """The unverified content of a token; check the signature before trusting it."""

    name: str
    expires: int
    signature: str

    def is_signed_with(self, key: SecretStr, *, purpose: bytes) -> bool:
        """Return whether the token was signed with this key for this purpose."""
        expected = _signature(self.name, self.expires, key, purpose)
        return hmac.compare_digest(expected.encode(), self.signature.encode())


def issue(owner: str, key: SecretStr, *, purpose: bytes, expires: int) -> str:
    """Return an owner's token; it contains only letters, digits, `.`, `-` and `_`."""
    name = _encode(owner.encode())
    return f"{name}.{expires}.{_signature(owner, expires, key, purpose)}"


def read(token: str, keys: Mapping[str, SecretStr], *, purpose: bytes) -> Claims | None:
    """Return a token's claims, expired or not; None if it was not signed for this purpose."""
    token_claims = parse(token)
    key = None if token_claims is None else keys.get(token_claims.name)
    if token_claims is None or key is None or not token_claims.is_signed_with(key, purpose=purpose):
        return None
    return Claims(owner=token_claims.name, expires=token_claims.expires)


def parse(token: str) -> UnverifiedToken | None:
    """Parse a token; return None if it has another form."""
    name, _, remainder = token.partition(".")
    digits, _, signature = remainder.partition(".")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS):
        return None
    try:
        decoded = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return UnverifiedToken(name=decoded, expires=int(digits), signature=signature)


def _signature(owner: str, expires: int, key: SecretStr, purpose: bytes) -> str:
    message = b"\0".join((purpose, owner.encode(), str(expires).encode()))
    digest = hmac.new(key.get_secret_value().encode(), message, hashlib.sha256).digest()
    return _encode(digest[:_DIGEST_BYTES])


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
