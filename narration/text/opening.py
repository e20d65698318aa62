"""The first chunks of a text that a client waits to hear: deliberately short, then growing.

The first sound is ready when the first chunk is spoken, and how long that takes depends on its
length.
"""

from itertools import accumulate

from narration.text.normalize import has_words
from narration.text.sentences import split_sentences
from narration.text.split import Group, Say, find_cut_between
from narration.text.types import ChunkLimits

_LEAST_CHARS = 20  # the model adds sounds of its own to shorter ones
_SHORTEST, _LONGEST = 0.6, 1.6  # relative to the target length
_LONGEST_SENTENCE = 1.3  # of the target; for a longer one, a clause that ends sooner is better
_UNCUT = 2.0  # times the target length; up to this, text is not cut


def cut_opening(
    flat: str, limits: ChunkLimits, say: Say, lengths: tuple[int, ...]
) -> tuple[list[Group], int]:
    """Cut groups of about these lengths off the beginning of a block; return where they end.

    Preferably after a sentence if one ends nearby, then after a clause, then between words.
    """
    groups: list[Group] = []
    position = 0
    ends = set(accumulate(map(len, split_sentences(flat))))
    for length in lengths:
        cut = _find_cut(flat, position, length, ends, say)
        spoken = "" if cut is None else say(flat[position:cut])
        if cut is None or not has_words(spoken) or len(spoken) > limits.max_chars:
            break
        groups.append(
            Group(start=position, end=cut, spoken=spoken, ends_sentence=cut in ends),
        )
        position = cut
    return groups, position


def _find_cut(flat: str, position: int, length: int, ends: set[int], say: Say) -> int | None:
    if len(flat) - position <= _UNCUT * length:
        return None
    low = position + max(_LEAST_CHARS, int(_SHORTEST * length))
    ideal, high = position + length, position + int(_LONGEST * length)
    last = position + int(_LONGEST_SENTENCE * length)
    sentences = [end for end in ends if low <= end <= last]
    if sentences:
        return min(sentences, key=lambda end: (abs(end - ideal), end))
    return find_cut_between(flat, (position, len(flat)), (low, ideal, high), say)
