"""The language of a text, as a whole and passage by passage; offline and without state.

What the document declares has priority. A detector decides where it declares nothing, and for
passages that are long enough.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from narration.documents.facts import language_tag
from narration.documents.types import Block, Document

_SAMPLES = 12
_SAMPLE_CHARS = 600
_LEAST_CHARS = 60  # per passage; shorter ones are misdetected too often (see docs/text.md)
_LEAST_LETTERS = 12  # in another alphabet
_SURE = 0.95
_FOREIGN_SHARE = 0.6  # of a passage's letters that belong to another alphabet
_CANDIDATES = ("en", "fr", "de", "es", "it", "pt", "nl", "la", "sv", "da", "no", "fi", "pl", "cs",
               "hu", "ro", "tr", "id", "ca", "cy", "ga", "el", "ru", "uk", "bg", "sr", "he", "ar",
               "fa", "hi", "bn", "ta", "th", "zh", "ja", "ko", "vi", "eo", "is", "hr", "sk", "sl",
               "et", "lv", "lt", "eu", "gl", "af", "tl", "ms", "sw")  # fmt: skip
# A passage with a high share of these words is in that language; no detector is needed.
_COMMON = {
    "en": frozenset(
        [
            "the",
            "of",
            "and",
            "to",
            "a",
            "in",
            "that",
            "is",
            "was",
            "he",
            "it",
            "his",
            "i",
            "for",
            "with",
            "as",
            "you",
            "her",
            "had",
            "not",
            "be",
            "at",
            "on",
            "she",
            "but",
            "have",
            "him",
            "by",
            "which",
            "this",
            "they",
            "from",
            "all",
            "were",
            "my",
            "we",
            "are",
            "said",
            "me",
            "so",
            "there",
            "what",
            "if",
            "or",
            "an",
            "no",
            "when",
            "who",
            "one",
            "would",
            "their",
            "will",
            "been",
            "them",
            "out",
            "up",
            "do",
            "your",
        ]
    )
}
_LEAST_COMMON = 0.25
_WORD = re.compile(r"[^\W\d_]+")
_ALPHABETS = {
    "LATIN": "Latin", "CYRILLIC": "Cyrillic", "GREEK": "Greek", "HEBREW": "Hebrew",
    "ARABIC": "Arabic", "DEVANAGARI": "Devanagari", "BENGALI": "Bengali", "TAMIL": "Tamil",
    "THAI": "Thai", "CJK": "Han", "HIRAGANA": "Japanese", "KATAKANA": "Japanese",
    "HANGUL": "Hangul", "ARMENIAN": "Armenian", "GEORGIAN": "Georgian", "ETHIOPIC": "Ethiopic",
}  # fmt: skip
_ALPHABET_OF = {
    "ru": "Cyrillic", "uk": "Cyrillic", "bg": "Cyrillic", "sr": "Cyrillic", "el": "Greek",
    "he": "Hebrew", "ar": "Arabic", "fa": "Arabic", "hi": "Devanagari", "bn": "Bengali",
    "ta": "Tamil", "th": "Thai", "zh": "Han", "ja": "Japanese", "ko": "Hangul",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A language as a BCP 47 tag and the confidence, from 0 to 1.

    `is_told` means that the document itself declares it.
    """

    language: str
    confidence: float
    is_told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """source[start:end] is in another language, or in another alphabet, than the document."""

    start: int
    end: int
    language: str
    alphabet: str


def primary(tag: str) -> str:
    """Return the language of a tag without its country: en-GB and eng -> en; empty if invalid."""
    return re.split(r"[-_]", language_tag(tag) or "", maxsplit=1)[0].lower()


def document_language(document: Document) -> Guess | None:
    """Return the language of a document; None if it has too little text.

    The declared language counts, unless the text is clearly in another one.
    """
    declared = primary(document.metadata.language or "")
    guess = guess_language(_sample(document))
    if declared and (guess is None or guess.language == declared or guess.confidence < _SURE):
        return Guess(language=declared, confidence=1.0, is_told=True)
    return guess


def is_sure(guess: Guess) -> bool:
    """Return whether a guess is certain enough to act on."""
    return guess.is_told or guess.confidence >= _SURE


def guess_language(text: str) -> Guess | None:
    """Detect the language of a text from its words and letters; None if it is too short."""
    letters = sum(map(str.isalpha, text))
    if letters < _LEAST_LETTERS:
        return None
    words = _WORD.findall(text.lower())
    for language, common in _COMMON.items():
        if len(words) >= _LEAST_LETTERS and _share(words, common) >= _LEAST_COMMON:
            return Guess(language=language, confidence=1.0)
    if len(text) < _LEAST_CHARS and alphabet_of(text) == "Latin":
        return None
    language, confidence = _identifier().classify(text[: _SAMPLES * _SAMPLE_CHARS])
    return Guess(language=str(language), confidence=float(confidence))


def alphabet_of(text: str) -> str:
    """Return the alphabet of most letters of a text; empty if it has no letters."""
    if text.isascii():
        return "Latin" if any(map(str.isalpha, text)) else ""
    counts = Counter(_alphabet(letter) for letter in text if letter.isalpha())
    return counts.most_common(1)[0][0] if counts else ""


def foreign_passages(document: Document, language: str) -> Iterator[Passage]:
    """Return the blocks marked as, written in, or detected as another language than `language`."""
    own = primary(language)
    own_alphabet = _ALPHABET_OF.get(own, "Latin")
    for chapter in document.chapters:
        for block in chapter.blocks:
            foreign = _foreign(_text_of(document, block), block, own, own_alphabet)
            if foreign is not None:
                yield Passage(
                    start=block.runs[0].start,
                    end=block.runs[-1].end,
                    language=foreign[0],
                    alphabet=foreign[1],
                )


def _foreign(text: str, block: Block, own: str, own_alphabet: str) -> tuple[str, str] | None:
    """Return the language and alphabet of a block if they are not the document's own."""
    alphabet = alphabet_of(text)
    if not alphabet:
        return None
    marked = primary(block.language or "")
    if marked and marked != own:
        return marked, alphabet
    if alphabet != own_alphabet:
        letters = [letter for letter in text if letter.isalpha()]
        share = sum(_alphabet(letter) == alphabet for letter in letters) / len(letters)
        if len(letters) < _LEAST_LETTERS or share < _FOREIGN_SHARE:
            return None
        guess = guess_language(text)
        return (guess.language if guess else "und"), alphabet
    guess = None if len(text) < _LEAST_CHARS or text.isupper() else guess_language(text)
    is_other = guess is not None and guess.language != own and guess.confidence >= _SURE
    return (guess.language, alphabet) if guess is not None and is_other else None


def _sample(document: Document) -> str:
    """Return text from all over a document, so that a foreign preface does not decide."""
    own = primary(document.metadata.language or "")
    everything = [block for chapter in document.chapters for block in chapter.blocks]
    # Passages marked as another language say nothing about the rest.
    blocks = [b for b in everything if primary(b.language or "") in {"", own}] or everything
    step = max(len(blocks) // _SAMPLES, 1)
    parts: list[str] = []
    for first in range(0, len(blocks), step):
        texts: list[str] = []
        for block in blocks[first : first + step]:
            texts.append(_text_of(document, block))
            if sum(map(len, texts)) >= _SAMPLE_CHARS:
                break
        parts.append(" ".join(texts)[:_SAMPLE_CHARS])
    return "\n".join(parts)


def _text_of(document: Document, block: Block) -> str:
    return "".join(
        document.source[run.start : run.end] if run.reading is None else run.reading
        for run in block.runs
    )


def _share(words: Sequence[str], common: frozenset[str]) -> float:
    return sum(word in common for word in words) / len(words)


@lru_cache(maxsize=8192)
def _alphabet(letter: str) -> str:
    name = unicodedata.name(letter, "").split(" ")[0].split("-")[0]
    return _ALPHABETS.get(name, "Latin" if letter.isascii() else name.capitalize())


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    """Load the model once per process, on first use: it takes half a second."""
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = set(identifier.labels)
    identifier.set_languages([tag for tag in _CANDIDATES if tag in known])
    return identifier
