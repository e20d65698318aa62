"""What the voices can say: their language, and the characters that their tokenizers know.

Planning happens where no checkpoint lies, so this is a constant: what the official English
tokenizer and the bundled one have in common. A test compares it with both.
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
    """Tell whether every voice knows a character."""
    return character in _KNOWN or character.isspace()


def count_unknown(spoken_text: str) -> Counter[str]:
    """Count the characters of a text, as it is given to the model, that no voice can say."""
    return Counter(_UNKNOWN.findall(spoken_text))
