"""Sentences -> pieces that fit a chunk -> groups of pieces that make good chunks."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from narration.text.normalize import has_words, normalize
from narration.text.sentences import split_sentences
from narration.text.types import ChunkLimits

# Where a long sentence may be cut, best first; the cut is made after the match.
_CUTS = (
    re.compile(r"[;:—…]+[\"'”’)\]]*\s+|\s[–-]+\s+|—|--+"),
    re.compile(r"[,，、）)]+[\"'”’]*\s*(?<=[\s，、])"),
    re.compile(
        r"\s+(?=(?:and|but|or|nor|for|so|yet|which|who|whom|whose|that|because|when|while)\b)"
    ),
    re.compile(r"\s+"),
)
_MIDDLE = 0.3  # a cut may be this share of the length off the middle before a worse kind is tried
# For a chunk that is too short, to which the model adds sounds: the worst choice.
_SHORT_COST = 10.0
_CUT_COST = 0.5  # for a chunk that ends inside a sentence instead of at its end
_HALF = 2
_SHRINKS = 1.2  # text longer than the limit by this factor is also too long when spoken
_TRIES = 8  # cuts of one kind that are tried before a worse kind
_CUT_CONTEXT = 60  # characters on each side of a cut that decide how it is read
_WORD_CONTEXT = 20  # characters on each side that a rule for plain words can match
_NOTABLE = re.compile(r"[^a-z ,;:'\"“”‘’—–-]")
_WORD = re.compile(r"\w+")
_DASH_END = re.compile(r"(?:[—–]|--)[\s\"'”’]*\Z")

Say: TypeAlias = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """flat[start:end] of a block, and its spoken form; `ends_sentence` decides the pause."""

    start: int
    end: int
    spoken: str
    ends_sentence: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Consecutive pieces that are spoken in one model call."""

    start: int
    end: int
    spoken: str
    ends_sentence: bool


def group_block(
    flat: str, limits: ChunkLimits, say: Say = normalize, *, start: int = 0
) -> list[Group]:
    """Cut a block's text, from `start` on, into groups that cover it.

    None exceeds the limit as spoken.
    """
    pieces: list[Piece] = []
    offset = 0
    for sentence in split_sentences(flat):
        first, offset = max(offset, start), offset + len(sentence)
        if first < offset:
            pieces += _fit(flat, first, offset, limits.max_chars, say)
    return _arrange(flat, pieces, limits, say)


def _arrange(flat: str, pieces: list[Piece], limits: ChunkLimits, say: Say) -> list[Group]:
    """Group pieces; where a short group remains, halve its longer neighbour and group again."""
    groups = _group(pieces, limits)
    for index, group in enumerate(groups):
        if len(groups) > 1 and len(group.spoken) < limits.min_chars:
            neighbour = groups[index - 1] if index else groups[1]
            longest = max(
                (p for p in pieces if neighbour.start <= p.start < neighbour.end),
                key=lambda piece: len(piece.spoken),
            )
            halves = _halve(flat, longest, say)
            at = pieces.index(longest)
            return _group([*pieces[:at], *halves, *pieces[at + 1 :]], limits)
    return groups


def _fit(flat: str, start: int, end: int, limit: int, say: Say) -> list[Piece]:
    """Cut flat[start:end], one sentence, until each piece fits."""
    pieces: list[Piece] = []
    pending = [(start, end)]
    while pending:
        first, last = pending.pop()
        spoken = say(flat[first:last]) if last - first <= _SHRINKS * limit else None
        if last - first == 1 or (spoken is not None and len(spoken) <= limit):
            pieces.append(_piece(flat, first, last, spoken or "", ends_sentence=last == end))
            continue
        cut = _find_cut(flat, first, last, limit, say)
        pending += [(cut, last), (first, cut)]
    return pieces


def _halve(flat: str, piece: Piece, say: Say) -> list[Piece]:
    if piece.end - piece.start < _HALF:
        return [piece]
    cut = _find_cut(flat, piece.start, piece.end, piece.end - piece.start, say)
    ends = ((piece.start, cut, False), (cut, piece.end, piece.ends_sentence))
    return [
        _piece(flat, start, end, say(flat[start:end]), ends_sentence=is_last)
        for start, end, is_last in ends
    ]


def _piece(flat: str, start: int, end: int, spoken: str, *, ends_sentence: bool) -> Piece:
    """Make a piece; a dash after which it was cut is a pause, not the end of a sentence."""
    if not ends_sentence and spoken.endswith(".") and _DASH_END.search(flat, start, end):
        spoken = f"{spoken[:-1]},"
    return Piece(start=start, end=end, spoken=spoken, ends_sentence=ends_sentence)


def _find_cut(flat: str, start: int, end: int, limit: int, say: Say) -> int:
    """Return the best place near the middle: after a clause, before a conjunction, between words.

    Places where the parts would be read differently from the whole are avoided: between "5" and
    "million", or in "Mr. | V. Smith".
    """
    middle = (start + end) // 2
    reach = min(int((end - start) * _MIDDLE), limit)
    low, high = max(start + 1, middle - reach), min(end - 1, middle + reach)
    cut = find_cut_between(flat, (start, end), (low, middle, high), say)
    if cut is not None:
        return cut
    cut = middle
    while cut > low and _is_joined(flat[cut]):
        cut -= 1
    return cut if cut > start else middle


def find_cut_between(
    flat: str, text: tuple[int, int], window: tuple[int, int, int], say: Say
) -> int | None:
    """Return the best place in a window (low, ideal, high) to cut flat[start:end]; None if none.

    The best kind of place first, and within each kind the nearest to the ideal.
    """
    start, end = text
    low, ideal, high = window
    fallback = None
    for pattern in _CUTS:
        cuts = [m.end() for m in pattern.finditer(flat, low, high) if start < m.end() < end]
        cuts.sort(key=lambda cut: abs(cut - ideal))
        for cut in cuts[:_TRIES]:
            if _keeps_words(flat, start, cut, end, say):
                return cut
        fallback = fallback or next(iter(cuts), None)
    return fallback


def _keeps_words(flat: str, start: int, cut: int, end: int, say: Say) -> bool:
    """Return whether the words around a cut are read as they would be without it."""
    if not _NOTABLE.search(flat, max(start, cut - _WORD_CONTEXT), min(end, cut + _WORD_CONTEXT)):
        return True  # plain words are read alike wherever they are
    first = max(start, cut - _CUT_CONTEXT)
    last = min(end, cut + _CUT_CONTEXT)
    parts = _words(say(flat[first:cut])) + _words(say(flat[cut:last]))
    return parts == _words(say(flat[first:last]))


def _words(spoken: str) -> list[str]:
    return _WORD.findall(spoken.lower())


def _is_joined(character: str) -> bool:
    """Return whether a character belongs to the one before, as an accent or a joiner does."""
    return unicodedata.category(character) in {"Mn", "Me", "Cf"}


def _group(pieces: list[Piece], limits: ChunkLimits) -> list[Group]:
    """Choose the cheapest grouping (few, even, ending with sentences) by dynamic programming."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(pieces) + 1):
        length, cheapest = -1, (float("inf"), end - 1)
        for first in range(end - 1, -1, -1):
            length += len(pieces[first].spoken) + 1
            if length > limits.max_chars and first < end - 1:
                break
            cost = best[first][0] + _cost(
                length, limits, ends_sentence=pieces[end - 1].ends_sentence
            )
            cheapest = min(cheapest, (cost, first))
        best.append(cheapest)
    groups: list[Group] = []
    end = len(pieces)
    while end:
        first = best[end][1]
        groups.append(_join(pieces[first:end]))
        end = first
    return groups[::-1]


def _cost(length: int, limits: ChunkLimits, *, ends_sentence: bool) -> float:
    slack = (limits.max_chars - length) / limits.max_chars
    cost = 1.0 + slack * slack
    if length < limits.min_chars:
        cost += _SHORT_COST
    return cost if ends_sentence else cost + _CUT_COST


def _join(pieces: list[Piece]) -> Group:
    return Group(
        start=pieces[0].start,
        end=pieces[-1].end,
        spoken=" ".join(piece.spoken for piece in pieces if has_words(piece.spoken)),
        ends_sentence=pieces[-1].ends_sentence,
    )
