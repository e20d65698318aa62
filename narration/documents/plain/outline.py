"""Which headings of a plain text begin chapters, contain several, or only introduce a part.

Three kinds of evidence count: the table of contents, the form of the headings ("Chapter 3"), and
their order. A number without neighbours ("L. Van Holt") is a letter.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from narration.documents.plain.contents import Contents
from narration.documents.plain.headings import Heading, Rank, read_heading
from narration.documents.plain.lines import Group
from narration.documents.plain.listed import Titles
from narration.documents.plain.numbering import find_chains
from narration.documents.plain.series import find_series
from narration.documents.plain.titles import is_sentence, is_title

_MOST_LINES = 4
_LONGEST = 200
_WIDE_GAP = 3
_LEAST_BODY = 1_000  # characters below each title that is recognized by its place only
_LEAST_TITLES = 3


class Role(Enum):
    """The role of a heading."""

    PART = "part"
    CHAPTER = "chapter"
    HEADING = "heading"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """groups[index] may be a heading."""

    index: int
    heading: Heading


def find_outline(groups: Sequence[Group], contents: Sequence[Contents]) -> dict[int, Role]:
    """Return roles by the index of the group; the groups of a table of contents have none."""
    listed_groups = {i for part in contents for i in range(part.first, part.end)}
    candidates = _candidates(groups, listed_groups)
    entries = [entry for part in contents for entry in part.entries if entry.text[0] != "("]
    start = max((part.end for part in contents if not part.is_index), default=0)
    listed = Titles(groups).find(entries, start)
    roles = _by_form(groups, candidates)
    if listed and not any(role is Role.CHAPTER for role in roles.values()):
        roles = {i: Role.HEADING if role is Role.PART else role for i, role in roles.items()}
    for index in listed:
        if roles.get(index) is not Role.PART:
            roles[index] = Role.CHAPTER
    if not listed and not _has_chapters(candidates, roles):
        placed = _by_place(groups, listed_groups, roles)
        if not placed:
            opened = sorted(i for i, role in roles.items() if role is Role.CHAPTER)
            placed = dict.fromkeys(find_series(groups, listed_groups, opened), Role.CHAPTER)
        if placed:
            roles = {i: Role.PART if r is Role.CHAPTER else r for i, r in roles.items()} | placed
    return _raise_parts(groups, roles, candidates)


def _has_chapters(candidates: Sequence[Candidate], roles: Mapping[int, Role]) -> bool:
    """Return whether anything smaller than a part, other than a preface, begins a chapter."""
    return any(
        roles.get(c.index) is Role.CHAPTER
        and c.heading.number is not None
        and c.heading.rank > Rank.PART
        for c in candidates
    )


def _candidates(groups: Sequence[Group], hidden: set[int]) -> list[Candidate]:
    candidates = []
    for index, group in enumerate(groups):
        if index in hidden or len(group.lines) > _MOST_LINES or len(group.text) > _LONGEST:
            continue
        heading = read_heading(group.first)
        if heading is None or (heading.number is None and index and not group.gap):
            continue
        if heading.word or not is_sentence(group) or len(group.text) < _LONGEST // 4:
            candidates.append(Candidate(index=index, heading=heading))
    return candidates


def _by_form(groups: Sequence[Group], candidates: Sequence[Candidate]) -> dict[int, Role]:
    """Return roles from the form of the headings and their order."""
    candidates = list(_without_lists(groups, candidates))
    chains = find_chains(
        [(c.index, c.heading) for c in candidates if not c.heading.word],
        [(c.index, c.heading) for c in candidates if c.heading.word],
        has_body=lambda first, last: _has_body(groups, first, last),
    )
    worded = [c for c in candidates if c.heading.word and c.heading.number is not None]
    worded += [c for c in candidates if c.heading.word and c.heading.number is None]
    families: dict[str, list[int]] = defaultdict(list)
    ranks: dict[str, Rank] = {}
    for candidate in sorted(worded, key=lambda c: c.index):
        is_named = candidate.heading.number is None and candidate.heading.word not in families
        name = (
            "named"
            if is_named and candidate.heading.rank is Rank.CHAPTER
            else candidate.heading.word
        )
        families[name].append(candidate.index)
        ranks[name] = candidate.heading.rank
    roles: dict[int, Role] = {}
    for chain in chains:
        for index in chain:
            roles[index] = Role.HEADING
    main = _main(families, ranks, chains)
    for index in main:
        roles[index] = Role.CHAPTER
    for name, members in families.items():
        minor = Role.PART if _is_above(members, ranks[name], main) else Role.HEADING
        for index in members:
            roles.setdefault(index, minor)
    return roles


def _without_lists(groups: Sequence[Group], candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    """Drop headings of one kind with nothing between them, and names with nothing below."""
    seen = Counter((c.heading.word, c.heading.number) for c in candidates)
    is_listed = False
    for at, candidate in enumerate(candidates):
        following = candidates[at + 1] if at + 1 < len(candidates) else None
        word, number = candidate.heading.word, candidate.heading.number
        last = following.index if following is not None else len(groups)
        is_empty = not _has_body(groups, candidate.index, last)
        is_same = following is not None and following.heading.word == word
        if number is None and not _is_followed(groups, candidate.index):
            continue
        if word and number is not None and seen[word, number] > 1 and (is_listed or is_same):
            was_listed, is_listed = is_listed, is_empty and is_same
            if is_listed or was_listed:
                continue
        is_listed = False
        yield candidate


def _is_followed(groups: Sequence[Group], index: int) -> bool:
    """Return whether text follows a heading, or another heading and then text."""
    return any(_is_body(group) for group in groups[index + 1 : index + 3])


def _main(
    families: Mapping[str, list[int]], ranks: Mapping[str, Rank], chains: Sequence[list[int]]
) -> list[int]:
    """Return the headings that begin chapters: the deepest rank not inside another's chapter."""
    chapters = {n: m for n, m in families.items() if ranks[n] is Rank.CHAPTER and n != "named"}
    named = families.get("named", [])
    if chapters:
        leading = max(chapters.values(), key=len)
        kept = sorted(
            i for m in chapters.values() if m is leading or not _is_inside(m, leading) for i in m
        )
        peers = [i for chain in chains if not _is_inside(chain, kept) for i in chain]
        return sorted({*kept, *peers, *named})
    parts = sorted(i for n, m in families.items() if ranks[n] is Rank.PART for i in m)
    if chains and not _is_appendix(chains, parts):
        leading = max(chains, key=len)
        first = {chain[0] for chain in _longest_of_parts(chains, parts)}
        peers = [
            i
            for chain in chains
            if chain[0] in first or chain is leading or not _is_inside(chain, leading)
            for i in chain
        ]
        return sorted({*peers, *named})
    for rank in (Rank.SECTION, Rank.PART, Rank.VOLUME):
        members = [i for n, m in families.items() if ranks[n] is rank for i in m]
        if len(members) > 1 or (members and rank is not Rank.SECTION):
            return sorted({*members, *named})
    return sorted(named)


def _is_inside(members: Sequence[int], others: Sequence[int]) -> bool:
    """Return whether all members are below the same one of the others."""
    first = bisect_left(others, min(members))
    return first > 0 and first == bisect_left(others, max(members))


def _longest_of_parts(chains: Sequence[list[int]], parts: Sequence[int]) -> list[list[int]]:
    """Return the rows of numbers that restart in each part: the longest of each."""
    longest: dict[int, list[int]] = {}
    for chain in chains:
        part = bisect_right(parts, chain[0])
        if part and part == bisect_right(parts, chain[-1]):
            longest[part] = max(longest.get(part, []), chain, key=len)
    return list(longest.values()) if len(longest) * 2 > len(parts) else []


def _is_appendix(chains: Sequence[Sequence[int]], parts: Sequence[int]) -> bool:
    """Distinguish numbers below the last part only from those that every part has."""
    if len(parts) < _LEAST_TITLES:
        return False
    holding = {bisect_right(parts, chain[0]) for chain in chains}
    return holding == {len(parts)}


def _is_above(members: Sequence[int], rank: Rank, main: Sequence[int]) -> bool:
    """Return whether these are parts: most are followed by a chapter before the next part."""
    if rank not in {Rank.VOLUME, Rank.PART} or not main:
        return False
    pairs = zip(members, [*members[1:], main[-1] + 1], strict=True)
    led = sum(bisect_right(main, first) < bisect_left(main, last) for first, last in pairs)
    return led * 2 > len(members)


def _by_place(
    groups: Sequence[Group], hidden: set[int], roles: Mapping[int, Role]
) -> dict[int, Role]:
    """Treat titles with wide gaps above them and much text below them as chapters."""
    titles = [
        index
        for index, group in enumerate(groups)
        if index not in hidden
        and index + 1 < len(groups)
        and (group.gap >= _WIDE_GAP or index == 0)
        and group.text[0] not in "\"“'‘("
        and is_title(group)
        and is_sentence(groups[index + 1])
    ]
    if len(titles) < _LEAST_TITLES:
        return {}
    ends = [*titles[1:], len(groups)]
    kept = [
        first
        for first, last in zip(titles, ends, strict=True)
        if sum(len(groups[i].text) for i in range(first + 1, last)) >= _LEAST_BODY
    ]
    if len(kept) < _LEAST_TITLES:
        return {}
    return {index: Role.CHAPTER for index in kept if index not in roles}


def _raise_parts(
    groups: Sequence[Group], roles: dict[int, Role], candidates: Sequence[Candidate]
) -> dict[int, Role]:
    """Turn chapters without text of their own, followed by a first one, into parts."""
    numbers = {c.index: c.heading.number for c in candidates}
    order = sorted(index for index, role in roles.items() if role is Role.CHAPTER)
    numbered = sum(numbers.get(index) is not None for index in order)
    raised = [
        first
        for first, second in pairwise(order)
        if numbers.get(first) is None
        and numbers.get(second) is not None
        and not _has_body(groups, first, second)
    ]
    restarts = sum(numbers.get(index) == 1 for index in order)
    if numbered > len(order) // 2 and (len(raised) > 1 or (raised and restarts > 1)):
        roles |= dict.fromkeys(raised, Role.PART)
    return roles


def _has_body(groups: Sequence[Group], first: int, last: int) -> bool:
    """Return whether there is text between two headings, and not only another heading."""
    return any(_is_body(groups[index]) for index in range(first + 1, last))


def _is_body(group: Group) -> bool:
    return is_sentence(group) or len(group.lines) > _MOST_LINES
