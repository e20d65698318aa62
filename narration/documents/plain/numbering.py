"""Consecutive bare numbers: I, II, III are headings; L., C. and D. are initials."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise

from narration.documents.plain.headings import Heading, Rank

_Placed = tuple[int, Heading]
_Form = tuple[bool, bool]  # Roman numerals, words; otherwise digits
_Next = tuple[_Form, int]
_MOST_MISSING = 2  # numbers that may be missing in a row, once it is long enough to be plausible
_BELIEVED = 3


def find_chains(
    numerals: Sequence[_Placed],
    worded: Sequence[_Placed],
    *,
    has_body: Callable[[int, int], bool],
) -> list[list[int]]:
    """Group numerals into rows; those in no row, or in a list without text, are not headings."""
    chains: list[list[_Placed]] = []
    latest: dict[_Next, list[_Placed]] = {}  # rows by their next number
    for placed in numerals:
        _, heading = placed
        number = heading.number or 0
        form = (heading.is_roman, heading.is_spelled)
        chain = _pop_chain(latest, number, form)
        if chain is None:
            chain = []
            chains.append(chain)
        chain.append(placed)
        latest[form, number + 1] = chain
    kept = [chain for chain in chains if _is_row(chain, worded) and _has_text(chain, has_body)]
    return [[index for index, _ in chain] for chain in kept]


def _pop_chain(
    latest: dict[_Next, list[_Placed]], number: int, form: _Form
) -> list[_Placed] | None:
    """Remove and return the row that a number continues; a first number always begins a new one."""
    if number == 1:
        return None
    chain = latest.pop((form, number), None)
    if chain is not None:
        return chain
    for missing in range(1, _MOST_MISSING + 1):
        chain = latest.get((form, number - missing))
        if chain is not None and len(chain) >= _BELIEVED:
            return latest.pop((form, number - missing))
    return None


def _is_row(chain: Sequence[_Placed], worded: Sequence[_Placed]) -> bool:
    """Return whether numbers are a row: two or more, or one that continues worded headings."""
    index, heading = chain[0]
    if len(chain) > 1 or _is_lone_numeral(heading):
        return True
    at = bisect_left(worded, index, key=lambda placed: placed[0])
    before = worded[at - 1][1] if at else None
    if before is None or before.rank is not Rank.CHAPTER or not heading.title:
        return False
    return before.number == (heading.number or 0) - 1


def _is_lone_numeral(heading: Heading) -> bool:
    """Return whether a line is "XIV", which is no initial, and not "X", which may be one."""
    is_letter = heading.number in {1, 5, 10, 50, 100}
    return heading.is_roman and not heading.title and not is_letter


def _has_text(chain: Sequence[_Placed], has_body: Callable[[int, int], bool]) -> bool:
    """Distinguish a row of headings from the items of a list."""
    pairs = list(pairwise(chain))
    filled = sum(has_body(first, last) for (first, _), (last, _) in pairs)
    return filled * 2 >= len(pairs)
