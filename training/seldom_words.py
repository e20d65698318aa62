"""Sentences and headings of words that are rare in the books, or whose letters mislead.

The pronunciation of a word cannot always be derived from its letters (giant, give), so each is
spoken some dozens of times.
"""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from num2words import num2words

SELDOM = (8, 150)  # times in the books
MISLEADING_TIMES = (4, 600)
MISLEADING = 1.5  # nats: of letters beside such neighbours, less than a quarter sound so
ENTRY = re.compile(r"\d{8} \d\d ([nasv]) [0-9a-f]{2} ([a-z]{3,}) ")
KINDS = {"n": "n", "a": "a", "s": "a", "v": "v"}  # WordNet's: nouns, adjectives twice, verbs
PATTERNS = (
    "The {n} and the {n} were {a}.",
    "They saw the {n}, the {n} and the {n}.",
    "Was it the {n} or the {n}?",
    "The {n} of the {n} was {a}, and so was the {n}.",
    "The {n}'s {n} had gone.",
    '"Where is the {n}?" said the {n}.',
    "He spoke of nothing but {n}, {n} and {n}.",
    "Her {a} {n} lay beside the {a} {n}.",
    "No {n} is as {a} as this {n}!",
    "One {n}, two {n}s, three {n}s.",
    "So the {n} went with the {a} {n} to the {n}.",
    "It was a {a}, {a} {n}.",
    "He began to {v}, and then to {v}.",
    "They {v} the {n}, or they {v} the {n}.",
    "Do not {v} the {a} {n}!",
    "The {n} would neither {v} nor {v}.",
)
HEADINGS = (
    "The {a} {n}.",
    "The {n}.",
    "The {n} and the {n}.",
    "The {n} of the {n}.",
    "{n} and {n}.",
    "A {a} {n}.",
    "The {n}'s {n}.",
    "How to {v} a {n}.",
    "Chapter {number}.",
    "Chapter {number}. The {a} {n}.",
    "Part {number}. {n} and {n}.",
    "In the {n}.",
    "Of {n} and {n}.",
)


@dataclass(frozen=True, slots=True)
class Words:
    """Words of each kind (n, a, v), and cumulative weights to draw them by."""

    words: dict[str, list[str]]
    weights: dict[str, list[float]]

    def fill(self, pattern: str, rng: random.Random) -> str:
        """Replace the kinds in a pattern by words."""
        number = str(num2words(rng.randint(1, 40)))
        filled = re.sub(r"\{(.)\}", lambda kind: self._draw(kind.group(1), rng), pattern)
        filled = filled.replace("{number}", number)
        return filled[0].upper() + filled[1:]

    def _draw(self, kind: str, rng: random.Random) -> str:
        return rng.choices(self.words[kind], cum_weights=self.weights[kind])[0]


def find_words(folder: Path, counts: Mapping[str, int], misleads: Mapping[str, float]) -> Words:
    """Find the words in WordNet's files.

    `counts`: how often the books have a word; `misleads`: how much its letters mislead, in nats.
    """
    weights: dict[str, dict[str, float]] = {"n": {}, "a": {}, "v": {}}
    for path in sorted(folder.glob("data.*")):
        for line in path.read_text(encoding="ascii", errors="ignore").splitlines():
            entry = ENTRY.match(line)
            if not entry:
                continue
            kind, word = KINDS[entry.group(1)], entry.group(2)
            weight = _weigh(counts.get(word, 0), misleads.get(word, 0.0))
            if weight:
                weights[kind][word] = weight
    return Words(
        {kind: sorted(found) for kind, found in weights.items()},
        {k: list(accumulate(found[w] for w in sorted(found))) for k, found in weights.items()},
    )


def _weigh(count: int, misleads: float) -> float:
    """Return how often to draw a word beside others; 0: never."""
    if misleads >= MISLEADING and _is_within(count, MISLEADING_TIMES):
        return misleads
    return 1.0 if _is_within(count, SELDOM) else 0.0


def _is_within(count: int, bounds: tuple[int, int]) -> bool:
    return bounds[0] <= count <= bounds[1]


def make_sentences(words: Words, rng: random.Random) -> Iterator[str]:
    """Make sentences for ever, of patterns that there are words for."""
    yield from _make(words, PATTERNS, rng)


def make_headings(words: Words, rng: random.Random) -> Iterator[str]:
    """Make headings for ever, each with a full stop, as a narrator's text has them."""
    yield from _make(words, HEADINGS, rng)


def _make(words: Words, patterns: tuple[str, ...], rng: random.Random) -> Iterator[str]:
    lacking = [f"{{{kind}}}" for kind, found in words.words.items() if not found]
    usable = [p for p in patterns if "{n}" in p and not any(kind in p for kind in lacking)]
    while usable:
        yield words.fill(rng.choice(usable), rng)
