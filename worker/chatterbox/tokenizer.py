"""Text as T3 reads it: upstream's punctuation rules and the BPE of `tokenizer.json`.

Knows nothing of sentences, numbers or languages: its input is the text as spoken.
"""

import re
from pathlib import Path

from tokenizers import Tokenizer

from narration.errors import CheckpointError, SpeechError

_SPACE = "[SPACE]"
_UNKNOWN = "[UNK]"

# Characters the model was not trained on and their replacements, applied in order.
_REPLACEMENTS = (
    ("...", ", "),
    ("\N{HORIZONTAL ELLIPSIS}", ", "),
    (":", ","),
    (" - ", ", "),
    (";", ", "),
    ("\N{EM DASH}", "-"),
    ("\N{EN DASH}", "-"),
    (" ,", ","),
    ("\N{LEFT DOUBLE QUOTATION MARK}", '"'),
    ("\N{RIGHT DOUBLE QUOTATION MARK}", '"'),
    ("\N{LEFT SINGLE QUOTATION MARK}", "'"),
    ("\N{RIGHT SINGLE QUOTATION MARK}", "'"),
)
_ENDERS = (".", "!", "?", "-", ",")

# In a book these are bracketed words, not control tokens.
_CONTROL = re.compile(r"\[(START|STOP|UNK|SPACE|ipa|end_of_label|PLACEHOLDER\d+)\]")


def normalize_punctuation(text: str) -> str:
    """Replace punctuation by what the model was trained on, and make the text end with it.

    Spaces collapse before the replacements, which may leave double spaces; these are kept, as
    upstream does.
    Raises: SpeechError if there is nothing but whitespace.
    Source: docs/model.md, text front end.
    """
    if not text.strip():
        raise SpeechError("the text is empty: there is nothing to speak")
    if text[0].islower():
        text = text[0].upper() + text[1:]
    text = " ".join(text.split())
    for old, new in _REPLACEMENTS:
        text = text.replace(old, new)
    text = text.rstrip(" ")
    return text if text.endswith(_ENDERS) else text + "."


class TextTokenizer:
    """The BPE of one checkpoint, reading `tokenizer.json`.

    Raises: CheckpointError if the file is missing or is not a tokenizer.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._bpe = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain Exception
            raise CheckpointError(f"{path} is missing or not a tokenizer: {error}") from error
        self._unknown = self._bpe.token_to_id(_UNKNOWN)

    @property
    def vocabulary(self) -> int:
        """The largest id plus one."""
        return max(self._bpe.get_vocab().values()) + 1

    def encode(self, text: str) -> list[int]:
        """Convert text, after `normalize_punctuation`, to ids, without START and STOP."""
        bare = _CONTROL.sub(r"\1", text)
        ids: list[int] = self._bpe.encode(bare.replace(" ", _SPACE)).ids
        return ids

    def unknown_characters(self, text: str) -> list[str]:
        """Return the characters that the model does not know, each once, in order.

        T3 gets one unknown token for each run of them.
        """
        return [
            character
            for character in dict.fromkeys(text)
            if not character.isspace()
            and self._unknown in self.encode(normalize_punctuation(character))
        ]
