"""Finds words whose letters mislead: most words with such letters sound otherwise (giant, give).

Letters and phonemes are aligned by expectation maximisation: each letter stands for none, one or
two phonemes. A word misleads as much as its most surprising letter, given the letters beside it.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import TypeAlias

MOST_PHONEMES = 2  # that a letter stands for
ROUNDS = 5
PRIOR = 5.0  # what a letter does anywhere counts as so many occurrences beside these neighbours
UNSEEN = 1e-6
STRESS = str.maketrans(
    "", "", "\N{MODIFIER LETTER VERTICAL LINE}\N{MODIFIER LETTER LOW VERTICAL LINE}"
)
LONG = "\N{MODIFIER LETTER TRIANGULAR COLON}"

Sound: TypeAlias = tuple[str, ...]
Shares: TypeAlias = dict[str, dict[Sound, float]]


def rate_words(sounds: Mapping[str, str], counts: Mapping[str, int]) -> dict[str, float]:
    """Return how much each word misleads, in nats.

    `sounds`: phonemes of each word in the phonetic alphabet; `counts`: how often it is read.
    A common word weighs more than a rare one, by the square root of its count.
    """
    spelled = {word: _phonemes(sound) for word, sound in sounds.items()}
    spelled = {w: p for w, p in spelled.items() if len(p) <= MOST_PHONEMES * len(w)}
    weights = {word: math.sqrt(max(counts.get(word, 0), 1)) for word in spelled}
    shares = _learn(spelled, weights)
    aligned = {word: _align(word, phonemes, shares) for word, phonemes in spelled.items()}
    return _surprises(aligned, weights, shares)


def _phonemes(sound: str) -> Sound:
    phonemes: list[str] = []
    for sign in sound.translate(STRESS).replace(" ", ""):
        if sign == LONG and phonemes:
            phonemes[-1] += sign
        else:
            phonemes.append(sign)
    return tuple(phonemes)


def _learn(spelled: Mapping[str, Sound], weights: Mapping[str, float]) -> Shares:
    """Learn what share of a letter's occurrences stands for which phonemes."""
    shares: Shares = {}
    for _ in range(ROUNDS):
        found: defaultdict[str, Counter[Sound]] = defaultdict(Counter)
        for word, phonemes in spelled.items():
            for letter, sound, share in _expect(word, phonemes, shares):
                found[letter][sound] += share * weights[word]
        shares = {}
        for letter, sums in found.items():
            whole = sum(sums.values())
            shares[letter] = {sound: value / whole for sound, value in sums.items()}
    return shares


def _expect(word: str, phonemes: Sound, shares: Shares) -> Iterator[tuple[str, Sound, float]]:
    """Yield each way to read a letter, and how probable it is that the word is read so."""
    before = _forward(word, phonemes, shares)
    after = _forward(word[::-1], phonemes[::-1], shares, step=-1)
    whole = before[-1][-1]
    if not whole:
        return
    for i, letter in enumerate(word):
        for j, share in enumerate(before[i]):
            for k in range(j, min(j + MOST_PHONEMES, len(phonemes)) + 1):
                rest = after[len(word) - i - 1][len(phonemes) - k]
                sound = phonemes[j:k]
                value = share * _share(shares, letter, sound) * rest / whole
                if value > UNSEEN:
                    yield letter, sound, value


def _forward(word: str, phonemes: Sound, shares: Shares, step: int = 1) -> list[list[float]]:
    """Return the probability of each pair of beginnings; of a reversed word, `step` is -1."""
    rows = [[1.0] + [0.0] * len(phonemes)]
    for letter in word:
        row = [0.0] * (len(phonemes) + 1)
        for j, share in enumerate(rows[-1]):
            if share:
                for k in range(j, min(j + MOST_PHONEMES, len(phonemes)) + 1):
                    row[k] += share * _share(shares, letter, phonemes[j:k][::step])
        rows.append(row)
    return rows


def _share(shares: Shares, letter: str, sound: Sound) -> float:
    if not shares:
        return (0.2, 0.7, 0.1)[len(sound)]  # before anything is known
    return shares.get(letter, {}).get(sound, UNSEEN)


def _align(word: str, phonemes: Sound, shares: Shares) -> list[Sound]:
    """Return the most probable phonemes of each letter."""
    best: dict[int, tuple[float, list[Sound]]] = {0: (0.0, [])}
    for letter in word:
        following: dict[int, tuple[float, list[Sound]]] = {}
        for j, (score, path) in best.items():
            for k in range(j, min(j + MOST_PHONEMES, len(phonemes)) + 1):
                sound = phonemes[j:k]
                value = score + math.log(_share(shares, letter, sound))
                if k not in following or value > following[k][0]:
                    following[k] = (value, [*path, sound])
        best = following
    return best[len(phonemes)][1]


def _surprises(
    aligned: Mapping[str, list[Sound]], weights: Mapping[str, float], shares: Shares
) -> dict[str, float]:
    seen: defaultdict[str, Counter[Sound]] = defaultdict(Counter)
    for word, path in aligned.items():
        for context, sound in zip(_contexts(word), path, strict=True):
            seen[context][sound] += weights[word]
    whole = {context: sum(sums.values()) for context, sums in seen.items()}
    found = {}
    for word, path in aligned.items():
        own = weights[word]
        found[word] = max(
            -math.log(
                (seen[context][sound] - own + PRIOR * _share(shares, context[1], sound))
                / (whole[context] - own + PRIOR)
            )
            for context, sound in zip(_contexts(word), path, strict=True)
        )
    return found


def _contexts(word: str) -> Iterator[str]:
    framed = f" {word} "
    return (framed[i : i + 3] for i in range(len(word)))
