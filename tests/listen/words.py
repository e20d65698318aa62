"""Compares spoken and recognised words; knows nothing of sound."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING

import jiwer

if TYPE_CHECKING:
    from whisper_normalizer.english import EnglishTextNormalizer

LEAST_LIKENESS = 0.5  # misheard texts were measured down to 0.52; different texts have about 0.35
NOTHING_HEARD = "..."  # shown in tables if the recogniser returned no word


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A text and the recogniser's transcript of its reading, both normalised."""

    said: str
    heard: str
    errors: int  # words replaced, missing or added

    @property
    def words(self) -> int:
        return len(self.said.split())

    @property
    def rate(self) -> float:
        return self.errors / self.words

    @property
    def is_missing(self) -> bool:
        """Whether something else than the text was spoken, or nothing.

        Compares letters, because every word of a short text may be misheard and still sound alike.
        """
        letters = SequenceMatcher(None, self.said, self.heard, autojunk=False)
        return letters.ratio() < LEAST_LIKENESS

    @property
    def is_repeated(self) -> bool:
        """Whether so much was recognised that something was repeated or added."""
        return len(self.heard.split()) > 1.5 * self.words + 2


def compare(said: str, heard: str) -> Comparison:
    """Compare by sound: "any one" and "anyone" are the same."""
    said, heard = join_compounds(normalize(said), normalize(heard))
    found = jiwer.process_words(said, heard)
    return Comparison(
        said=said,
        heard=heard or NOTHING_HEARD,
        errors=found.substitutions + found.deletions + found.insertions,
    )


def error_rate(comparisons: Iterable[Comparison]) -> float:
    """Return the word error rate over all texts: all errors divided by all words."""
    together = list(comparisons)
    return sum(c.errors for c in together) / sum(c.words for c in together)


def join_compounds(said: str, heard: str) -> tuple[str, str]:
    """Write two words as one where the other side does: an old book's "to-morrow", "north wind"."""
    one, other = said.split(), heard.split()
    return " ".join(_join(one, set(other))), " ".join(_join(other, set(one)))


def _join(words: list[str], known: set[str]) -> list[str]:
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] + word in known:
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def normalize(text: str) -> str:
    """Take spelling out of the comparison: case, punctuation, numbers, contractions."""
    # Of apostrophes the normaliser knows only the typewriter's, and a recogniser writes no other.
    normalized: str = _normalizer()(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    return normalized


@lru_cache(maxsize=1)
def _normalizer() -> "EnglishTextNormalizer":
    with warnings.catch_warnings():
        # A string literal of the package has an escape that Python deprecates; compiling it warns.
        warnings.simplefilter("ignore")
        from whisper_normalizer.english import EnglishTextNormalizer
    return EnglishTextNormalizer()
