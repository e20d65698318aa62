"""The secrets of keys and sessions: how they are generated, recognized and stored.

A secret is random, so its SHA-256 cannot be reversed by guessing: slow hashes are for passwords
that people choose. The digest is looked up at every request, so it must be fast.
"""

import hashlib
import re
import secrets

from narration.ids import ALPHABET

DIGITS = 52  # of 5 bits each: 260 random bits
KEY_PREFIX = "rhapsode_key_"  # a pattern that scanners of sources and logs can look for
SESSION_PREFIX = "rhapsode_session_"


def new_secret(prefix: str) -> str:
    """Return a random secret."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(DIGITS))


def is_secret(prefix: str, text: str) -> bool:
    """Return whether a text has the form of a secret of this kind; others need no look-up."""
    return re.fullmatch(f"{prefix}[{ALPHABET}]{{{DIGITS}}}", text) is not None


def digest_of(secret: str) -> str:
    """Return the digest under which a secret is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()
