"""The alphabet is a constant: here it is compared with the tokenizers it stands for."""

from pathlib import Path

import pytest

from narration.text.alphabet import count_unknown, is_speakable
from worker.chatterbox.tokenizer import TextTokenizer

ROOT = Path(__file__).parents[4]
TOKENIZERS = {
    "official": ROOT / "tests" / "data" / "tokenizer.json",
    "demo": ROOT / "worker" / "chatterbox" / "demo" / "tokenizer.json",
}
# Everything up to the letters of western Europe, and typographic punctuation.
CANDIDATES = [chr(c) for c in (*range(0x21, 0x100), *range(0x2010, 0x2027), 0x416, 0x4E00)]
# Signs that a tokenizer takes apart, but that planning writes out in words.
WRITTEN_OUT = frozenset("ªº²³¹´¯¨¸\u2017\xad\xa0\u2024\u2025")


@pytest.mark.parametrize("name", TOKENIZERS)
def test_what_counts_as_speakable_is_known_to_the_tokenizer(name: str) -> None:
    tokenizer = TextTokenizer(TOKENIZERS[name])
    speakable = "".join(filter(is_speakable, CANDIDATES))
    assert len(speakable) > 100
    assert tokenizer.unknown_characters(speakable) == []


def test_what_both_tokenizers_know_counts_as_speakable() -> None:
    tokenizers = [TextTokenizer(path) for path in TOKENIZERS.values()]
    known = [c for c in CANDIDATES if not any(t.unknown_characters(c) for t in tokenizers)]
    assert {c for c in known if not is_speakable(c)} - WRITTEN_OUT == set()


def test_unknown_characters_are_counted() -> None:
    assert count_unknown('Да, да: 我 and "you"?') == {"Д": 1, "а": 2, "д": 1, "我": 1}
