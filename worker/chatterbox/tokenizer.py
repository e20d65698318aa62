"""Text as T3 reads it: upstream's punctuation rules and the BPE of `tokenizer.json`.

Knows nothing of sentences, numbers or languages: it is given text as it is to be spoken.
"""

import re
from pathlib import Path

from tokenizers import Tokenizer

from narration.errors import CheckpointError, SpeechError
from worker.chatterbox.config import START_TEXT, STOP_TEXT

_SPACE = "[SPACE]"
_UNKNOWN = "[UNK]"

# What the model was not trained on and what it reads instead; applied one after the other.
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

# Written out in a book these are words in brackets, not the frame of a text.
_CONTROL = re.compile(r"\[(START|STOP|UNK|SPACE|ipa|end_of_label|PLACEHOLDER\d+)\]")


def normalize_punctuation(text: str) -> str:
    """Bring punctuation to what the model was trained on, and close the text with some.

    Spaces collapse before the replacements, so one of these may leave two in a row: kept, because
    upstream reads them so.
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

    `max_tokens`: rows of T3's text position table; a longer text is refused.
    Raises: CheckpointError if the file is missing or is not a tokenizer.
    """

    def __init__(self, path: Path, max_tokens: int) -> None:
        try:
            self._bpe = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises plain Exception
            raise CheckpointError(f"{path} is missing or not a tokenizer: {error}") from error
        self._max_tokens = max_tokens
        self._unknown = self._bpe.token_to_id(_UNKNOWN)

    @property
    def vocabulary(self) -> int:
        """One more than the largest id."""
        return max(self._bpe.get_vocab().values()) + 1

    def encode(self, text: str) -> list[int]:
        """Punctuation rules, then BPE, framed by START_TEXT and STOP_TEXT: what T3 is fed.

        Raises: SpeechError if the text is empty or longer than T3's position table.
        """
        ids = [START_TEXT, *self._pieces(normalize_punctuation(text)), STOP_TEXT]
        if len(ids) > self._max_tokens:
            raise SpeechError(
                f"the text has {len(ids)} text tokens, the model reads {self._max_tokens} at most: "
                "split it into shorter chunks"
            )
        return ids

    def unknown_characters(self, text: str) -> list[str]:
        """Characters the model will not hear, each once, in order: worth a warning.

        They reach T3 as the unknown token, one for each run of them.
        """
        return [c for c in dict.fromkeys(text) if not c.isspace() and self._is_unknown(c)]

    def _is_unknown(self, character: str) -> bool:
        return self._unknown in self._pieces(normalize_punctuation(character))

    def _pieces(self, text: str) -> list[int]:
        bare = _CONTROL.sub(r"\1", text)
        ids: list[int] = self._bpe.encode(bare.replace(" ", _SPACE)).ids
        return ids
