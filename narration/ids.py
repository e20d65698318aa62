"""Identifiers that sort by creation time; pure but for the random part."""

import re
import secrets
from datetime import datetime

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
LENGTH = 26  # 130 bits hold 48 of milliseconds and 80 random ones
RANDOM_BITS = 80
_DIGITS = f"[{ALPHABET}]{{{LENGTH}}}"


def new_id(kind: str, now: datetime) -> str:
    """Return an identifier such as `job_01j9…`, greater than all created a millisecond earlier."""
    return _write(kind, now, secrets.randbits(RANDOM_BITS))


def first_id(kind: str, moment: datetime) -> str:
    """Return the lowest identifier that can be created from a given time on."""
    return _write(kind, moment, 0)


def _write(kind: str, now: datetime, low_bits: int) -> str:
    number = int(now.timestamp() * 1000) << RANDOM_BITS | low_bits
    digits = (ALPHABET[number >> 5 * place & 31] for place in reversed(range(LENGTH)))
    return f"{kind}_{''.join(digits)}"


def id_pattern(kind: str) -> str:
    """Return a regular expression for all identifiers of a kind."""
    return f"^{kind}_{_DIGITS}$"


def is_id(kind: str, text: str) -> bool:
    """Return whether a text has the form of an identifier of this kind."""
    return re.fullmatch(f"{kind}_{_DIGITS}", text) is not None
