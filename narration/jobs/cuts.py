"""Where a job's sound is cut into parts; decided from the text alone, before anything is spoken.

A cut depends on the text around it only. After an edit to one sentence nearly all cuts stay where
they were, and most parts need not be encoded again.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Protocol

FIRST_PARTS_S = (5.0, 10.0, 20.0)  # short, so that listening can start early
PART_S = 60.0
CHARS_PER_S = 15.0  # English read aloud; a rough figure, for what need not be exact
_SHORTEST, _LONGEST = 0.6, 1.4  # relative to the target length
_SHORTEST_S = 1.0  # of the very first part: a heading does not wait for a long chunk after it
_FURTHEST = 3.0  # how far, relative to the target, a part may grow to end in a silence
_FURTHEST_S = 45.0  # or this far, where parts are meant to be short
QUIET_MS = 172  # enough silence for the encoder of every format to restart in


class Cuttable(Protocol):
    """A chunk, planned or stored."""

    @property
    def chapter(self) -> int:
        """Number of the chapter."""

    @property
    def spoken_text(self) -> str:
        """The text that is spoken."""

    @property
    def pause_after_ms(self) -> int:
        """The silence after the chunk."""


def cut_parts(chunks: Sequence[Cuttable]) -> tuple[int, ...]:
    """Return the number of the first chunk of each part; every chapter begins a new part."""
    cuts: list[int] = []
    start = 0
    while start < len(chunks):
        cuts.append(start)
        target_s = FIRST_PARTS_S[len(cuts) - 1] if len(cuts) <= len(FIRST_PARTS_S) else PART_S
        start = _next_cut(chunks, start, target_s)
    return tuple(cuts)


def _next_cut(chunks: Sequence[Cuttable], start: int, target_s: float) -> int:
    """Return the best cut in a window after `start`, or the end of the chapter."""
    places = list(_places(chunks, start, max(_FURTHEST * target_s, _FURTHEST_S)))
    last, whole_s = places[-1]
    is_whole = last == len(chunks) or chunks[last].chapter != chunks[start].chapter
    if is_whole and whole_s <= _LONGEST * target_s:
        return last
    window = [n for n, s in places if _SHORTEST * target_s <= s <= _LONGEST * target_s]
    quiet = [n for n in window if _is_quiet(chunks, n)]
    if quiet:
        return max(quiet, key=lambda number: _rank(chunks, number))
    least_s = _SHORTEST * target_s if start else _SHORTEST_S
    later = [n for n, s in places if s >= least_s and _is_quiet(chunks, n)]
    if later:
        return later[0]
    if is_whole:
        return last
    if window:
        return max(window, key=lambda number: _rank(chunks, number))
    return next((n for n, s in places if s >= _SHORTEST * target_s), last)


def _places(
    chunks: Sequence[Cuttable], start: int, furthest_s: float
) -> Iterator[tuple[int, float]]:
    """Yield chunk numbers where a part may end, with its length up to there; at least one."""
    length_s = 0.0
    for number in range(start, len(chunks)):
        length_s += length_of(chunks[number])
        yield number + 1, length_s
        following = number + 1
        if following == len(chunks) or chunks[following].chapter != chunks[start].chapter:
            return
        if length_s + length_of(chunks[following]) > furthest_s:
            return


def length_of(chunk: Cuttable) -> float:
    """Estimate the length of a chunk with its pause, in seconds."""
    return len(chunk.spoken_text) / CHARS_PER_S + chunk.pause_after_ms / 1000


def _is_quiet(chunks: Sequence[Cuttable], cut: int) -> bool:
    return chunks[cut - 1].pause_after_ms >= QUIET_MS


def _rank(chunks: Sequence[Cuttable], cut: int) -> tuple[int, bytes]:
    """Prefer long pauses; break ties by a digest of the text, which does not depend on position."""
    text = chunks[cut - 1].spoken_text
    return chunks[cut - 1].pause_after_ms, hashlib.sha256(text.encode()).digest()
