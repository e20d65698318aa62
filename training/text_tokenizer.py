"""Write the bundled model's `tokenizer.json`: one token per lower-case letter, digit or mark.

Letters instead of pieces of words: in tens of hours of speech each letter occurs a million times,
but many pieces of words are rare. The start and stop tokens have the ids of the official file.
"""

import string
from pathlib import Path

from tokenizers import AddedToken, Tokenizer
from tokenizers.models import BPE
from tokenizers.normalizers import NFKD, Lowercase, Sequence, StripAccents
from tokenizers.pre_tokenizers import Whitespace

from worker.chatterbox.config import START_TEXT, STOP_TEXT

UNKNOWN, SPACE = 1, 2
FIRST_CHARACTER = 3
CHARACTERS = string.ascii_lowercase + string.digits + ".,!?'\"-()&"


def write_tokenizer(path: Path) -> None:
    """Write the file; the same characters always get the same ids."""
    specials = {STOP_TEXT: "[STOP]", UNKNOWN: "[UNK]", SPACE: "[SPACE]", START_TEXT: "[START]"}
    vocabulary = {name: index for index, name in specials.items()}
    vocabulary |= {c: FIRST_CHARACTER + i for i, c in enumerate(CHARACTERS)}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=[], unk_token=specials[UNKNOWN]))
    tokenizer.normalizer = Sequence([NFKD(), StripAccents(), Lowercase()])
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.add_special_tokens(
        [AddedToken(name, special=True, normalized=False) for name in specials.values()]
    )
    tokenizer.save(str(path))
