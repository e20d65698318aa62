"""Sentences with words that are rare in books, so that each is spoken some dozens of times.

The pronunciation of a word cannot always be derived from its letters (giant, give).
"""

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

SELDOM = (8, 150)  # times in all sources
WORD = re.compile(r"[a-z]+")
ENTRY = re.compile(r"\d{8} \d\d ([nas]) [0-9a-f]{2} ([a-z]{3,}) ")
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
)


def make_sentences(folder: Path, lines: Iterable[str], rng: random.Random) -> Iterator[str]:
    """Make sentences for ever, if there are such words. `lines`: all that the sources hold."""
    counts = Counter(word for line in lines for word in WORD.findall(line.lower()))
    kinds: dict[str, set[str]] = {"n": set(), "a": set(), "s": set()}
    for path in sorted(folder.glob("data.*")):
        for line in path.read_text(encoding="ascii", errors="ignore").splitlines():
            entry = ENTRY.match(line)
            if entry and SELDOM[0] <= counts[entry.group(2)] <= SELDOM[1]:
                kinds[entry.group(1)].add(entry.group(2))
    words = {"n": sorted(kinds["n"]), "a": sorted(kinds["a"] | kinds["s"])}
    while words["n"] and words["a"]:
        pattern = rng.choice(PATTERNS)
        yield re.sub(r"\{(.)\}", lambda kind: rng.choice(words[kind.group(1)]), pattern)
