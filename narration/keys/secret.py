"""The secrets of keys and sessions: how they are made, recognized and kept.

A secret is random, so that its SHA-256 cannot be turned back by guessing: what slow hashes are for,
passwords that people choose, does not occur. A fast one is looked up at every request.
"""

import hashlib
import re
import secrets

from narration.ids import ALPHABET

DIGITS = 52  # of 5 bits each: 260 random ones
KEY_PREFIX = "rhapsode_key_"  # what scanners of sources and logs can look for
SESSION_PREFIX = "rhapsode_session_"


def new_secret(prefix: str) -> str:
    """Return a secret that nobody can guess."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(DIGITS))


def is_secret(prefix: str, text: str) -> bool:
    """Tell whether a text has the form of a secret of this kind: others need no look-up."""
    return re.fullmatch(f"{prefix}[{ALPHABET}]{{{DIGITS}}}", text) is not None


def digest_of(secret: str) -> str:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
