"""A fast check whether any rule for words or figures may match; most sentences in novels have none.

Every pattern begins with one character or one class of them, because the regex engine can skip
ahead to these, but not to a choice of many alternatives.
"""

import re

_ODD = re.compile(r"[^A-Za-z ,;:.!?'\"()—–-]")
_CAPITALS = re.compile(r"[A-Z][A-Z]")
# A full stop inside the text that is neither part of an ellipsis nor of a.m.
_POINT = re.compile(r"\.(?<!\.\.)(?<!\b[ap]\.m\.)(?!\.|m\.|[\"')]*$)")
_WORD = re.compile(
    r"[ (\"'—-](?:[VXLCivx]\b|[ivxl]{2,}\b|(?:M(?:rs?|me|lle|essrs)|Dr|Revd|Ste?|Ln|Ct|Pl|Sq|Ave|"
    r"Rd|Blvd|Hwy|Expy|Pkwy)\b)"
)
_KING = re.compile(r"[A-Z][a-z]+[ -]I\b(?!')")
_PART = re.compile(
    r"(?:act|scene|part|book|chapter|phase|page|volume|section|type) I\b(?!')|[a-z]-I\b"
)


def is_notable(text: str) -> bool:
    """Return whether anything in a text may be spoken differently from how it is written."""
    if _ODD.search(text) or _CAPITALS.search(text) or _POINT.search(text):
        return True
    if _WORD.search(f" {text}"):
        return True
    has_number = " I" in text or "-I" in text
    return has_number and bool(_KING.search(text) or _PART.search(text))
