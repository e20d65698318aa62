"""Where a rule of words or figures may find something; most sentences of a novel have none of it.

Every search begins with one character or one class of them: such a search hops through a text,
and one over many alternatives does not.
"""

import re

_ODD = re.compile(r"[^A-Za-z ,;:.!?'\"()—–-]")
_CAPITALS = re.compile(r"[A-Z][A-Z]")
# A point inside the text that is no ellipsis and not that of a.m.
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
    """Tell whether anything in a text may be said in other words than it is written."""
    if _ODD.search(text) or _CAPITALS.search(text) or _POINT.search(text):
        return True
    if _WORD.search(f" {text}"):
        return True
    has_number = " I" in text or "-I" in text
    return has_number and bool(_KING.search(text) or _PART.search(text))
