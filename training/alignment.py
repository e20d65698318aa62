"""Estimates which character each speech token belongs to: a target for T3's attention in training.

The teacher gives the end of each phoneme. Phonemes and text have the same punctuation marks, so
between two marks the characters are spread evenly over the phonemes.
"""

from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray

from worker.chatterbox.config import FRAMES_PER_TOKEN

# The teacher's ids of punctuation marks, and the characters for them in T3's text.
MARKS = {1: ",", 2: ",", 3: ",", 4: ".", 5: "!", 6: "?", 10: ",", 11: '"', 12: "(", 13: ")"}
WRITTEN = frozenset(MARKS.values())


def locate_characters(
    text: str, spoken: list[int], ends: NDArray[np.int64], tokens: int
) -> NDArray[np.float32]:
    """Estimate the character at the middle of each speech token.

    Shapes: ends (phonemes,) in mel frames -> (tokens,).
    """
    phonemes, characters = _anchors(text, spoken)
    middles = FRAMES_PER_TOKEN * np.arange(tokens) + FRAMES_PER_TOKEN // 2
    place = np.searchsorted(ends, middles, side="right")
    return np.interp(place, phonemes, characters).astype(np.float32)


def _anchors(text: str, spoken: list[int]) -> tuple[list[int], list[int]]:
    heard = [(i, MARKS[phoneme]) for i, phoneme in enumerate(spoken) if phoneme in MARKS]
    written = [(i, c) for i, c in enumerate(text) if c in WRITTEN]
    pairs = [(1, 0), *_match(heard, written), (len(spoken) - 1, len(text) - 1)]
    return [phoneme for phoneme, _ in pairs], [character for _, character in pairs]


def _match(heard: list[tuple[int, str]], written: list[tuple[int, str]]) -> list[tuple[int, int]]:
    marks_heard, marks_written = [m for _, m in heard], [m for _, m in written]
    if marks_heard == marks_written:
        return [(i, j) for (i, _), (j, _) in zip(heard, written, strict=True)]
    matcher = SequenceMatcher(None, marks_heard, marks_written, autojunk=False)
    return [
        (heard[block.a + k][0], written[block.b + k][0])
        for block in matcher.get_matching_blocks()
        for k in range(block.size)
    ]
