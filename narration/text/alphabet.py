"""What the voices can speak: their language, and the characters that their tokenizers know.

Planning runs where there is no checkpoint, so this is a constant: the characters that the official
English tokenizer and the bundled one have in common. A test compares it with both.
"""

import re
import string
from collections import Counter

VOICE_LANGUAGE = "en"

_KNOWN = frozenset(
    string.ascii_letters
    + string.digits
    + "!\"&'(),-.:;?"
    + "–—‘’“”…"
    + "ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÑÒÓÔÕÖÙÚÛÜÝßàáâãäåçèéêëìíîïñòóôõöùúûüý"
)
_UNKNOWN = re.compile(rf"[^\s{re.escape(''.join(sorted(_KNOWN)))}]")


def is_speakable(character: str) -> bool:
    """Return whether every voice knows a character."""
    return character in _KNOWN or character.isspace()


def count_unknown(spoken_text: str) -> Counter[str]:
    """Count the characters of a spoken text that some voice cannot speak."""
    return Counter(_UNKNOWN.findall(spoken_text))
