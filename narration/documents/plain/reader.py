"""Plain text -> chapters: text around the book is skipped, hard-wrapped lines are joined."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from narration.documents.gather import Reading
from narration.documents.plain.blocks import BlockBuilder
from narration.documents.plain.boilerplate import find_credits, find_notices, read_facts
from narration.documents.plain.chapters import Section, gather_sections
from narration.documents.plain.contents import Contents, find_contents
from narration.documents.plain.headings import read_heading
from narration.documents.plain.lines import Group, bare, measure_width, read_groups
from narration.documents.plain.marks import find_marks
from narration.documents.plain.note_lists import find_note_lists
from narration.documents.plain.notes import find_signed_notes
from narration.documents.plain.outline import Role, find_outline
from narration.documents.plain.page_numbers import find_page_numbers
from narration.documents.plain.series import find_entries
from narration.documents.plain.titles import (
    clean_title,
    is_capitals,
    is_sentence,
    is_title,
    split_headings,
)
from narration.documents.types import Metadata, Skip, SkipReason

_WORD = re.compile(r"[^\W_]")
_BY_LINE = re.compile(r"\W*by\s+(?P<author>[^\W\d_][^\d]{2,60})", re.IGNORECASE)
_NOTES = re.compile(r"\W*(?:foot|end)?notes?\W*", re.IGNORECASE)
_FRONT_GROUPS = 12
_TITLE_WORDS = 8
_NOTHING: frozenset[SkipReason] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """The source after everything skipped is taken out."""

    groups: tuple[Group, ...]
    skips: tuple[Skip, ...]
    contents: tuple[Contents, ...]


def read_plain(
    source: str,
    *,
    known: Sequence[Skip] = (),
    openings: Mapping[int, str] | None = None,
    spoken: frozenset[SkipReason] = _NOTHING,
    is_laid_out: bool = False,
) -> Reading:
    """Return the chapters of a plain text, and everything in it that is not read aloud.

    `known` is what the caller already skips, `openings` are the titles of chapters by where they
    begin; text that would be skipped for a reason in `spoken` is read. In a text that is already
    laid out, a line that ends early is not verse.
    """
    notices = find_notices(source)
    page = _page(source, [*notices, *known], spoken)
    roles = find_outline(page.groups, page.contents)
    hidden = _hidden(page, spoken)
    titles = _given_titles(page.groups, openings or {})
    if not titles and Role.CHAPTER not in roles.values():
        titles = find_entries(page.groups, set(hidden))
    if len(titles) > 1:
        roles = {i: Role.HEADING if r is Role.CHAPTER else r for i, r in roles.items()}
        roles |= dict.fromkeys(titles, Role.CHAPTER)
    width = 0 if is_laid_out else measure_width(page.groups)
    builder = BlockBuilder(source, page.skips, width)
    sections = list(_sections(page.groups, roles, hidden, builder, titles))
    facts = _with_title_page(read_facts(source, notices), page.groups, roles)
    chapters = gather_sections(sections, opening=facts.title or _first_words(page, hidden))
    first = next((i for i in range(len(page.groups)) if i not in hidden), 0)
    return Reading(
        chapters=chapters,
        opens_with_chapter=roles.get(first) is Role.CHAPTER and len(chapters) > 1,
        skips=tuple(sorted([*page.skips, *_unspoken(page, hidden)], key=lambda skip: skip.start)),
        metadata=facts,
    )


def _page(source: str, known: Sequence[Skip], spoken: frozenset[SkipReason]) -> _Page:
    """Take out notices, marks and credits, in this order, each from what the previous step left."""
    skips = _but(known, spoken)
    for search in (find_marks, find_signed_notes, find_note_lists):
        skips = _merge(skips, _but(search(source), spoken))
    skips = _merge(skips, _but(find_page_numbers(source, skips), spoken))
    groups = read_groups(source, skips)
    for find in (find_credits, partial(_note_headings, skips=skips)):
        added = _but(find(groups), spoken)
        if added:
            skips = _merge(added, skips)
            groups = read_groups(source, skips)
    groups = list(split_headings(groups))
    return _Page(groups=tuple(groups), skips=tuple(skips), contents=tuple(find_contents(groups)))


def _but(skips: Iterable[Skip], spoken: frozenset[SkipReason]) -> list[Skip]:
    return [skip for skip in skips if skip.reason not in spoken]


def _given_titles(groups: Sequence[Group], openings: Mapping[int, str]) -> dict[int, str]:
    """Return the groups in which the caller's chapters begin."""
    starts = [group.start for group in groups]
    by_group: dict[int, str] = {}
    for offset, title in openings.items():
        index = bisect_right(starts, offset) - 1
        if index >= 0:
            by_group.setdefault(index, title)
    return by_group


def _note_headings(groups: Sequence[Group], *, skips: Sequence[Skip]) -> list[Skip]:
    """Return headings over notes that are all skipped."""
    starts = [skip.start for skip in skips]
    headings = []
    for index, group in enumerate(groups):
        if _NOTES.fullmatch(group.text):
            at = bisect_left(starts, group.end)
            is_last = index + 1 == len(groups)
            if (
                at < len(skips)
                and skips[at].reason is SkipReason.NOTE
                and (is_last or starts[at] < groups[index + 1].start)
            ):
                headings.append(Skip(start=group.start, end=group.end, reason=SkipReason.NOTE))
    return headings


def _hidden(page: _Page, spoken: frozenset[SkipReason]) -> dict[int, SkipReason]:
    """Return the groups that are tables of contents, indexes or ornaments."""
    hidden = {
        index: SkipReason.ORNAMENT
        for index, group in enumerate(page.groups)
        if not _WORD.search(group.text)
    }
    for part in page.contents:
        reason = SkipReason.INDEX if part.is_index else SkipReason.CONTENTS
        if reason not in spoken:
            hidden |= dict.fromkeys(range(part.first, part.end), reason)
    return hidden


def _merge(first: Iterable[Skip], second: Iterable[Skip]) -> list[Skip]:
    """Merge skips in order; of two that overlap the wider one stays."""
    merged: list[Skip] = []
    for skip in sorted([*first, *second], key=lambda s: (s.start, -s.end)):
        if not merged or skip.start >= merged[-1].end:
            merged.append(skip)
        elif skip.end > merged[-1].end:
            merged[-1] = replace(merged[-1], end=skip.end)
    return merged


def _unspoken(page: _Page, hidden: Mapping[int, SkipReason]) -> Iterator[Skip]:
    """Return hidden groups, except for what is already skipped in them."""
    starts = [skip.start for skip in page.skips]
    for index, reason in hidden.items():
        start, end = page.groups[index].start, page.groups[index].end
        at = max(bisect_right(starts, start) - 1, 0)
        for skip in page.skips[at:]:
            if skip.start >= end:
                break
            if start < skip.start:
                yield Skip(start=start, end=skip.start, reason=reason)
            start = max(start, skip.end)
        if start < end:
            yield Skip(start=start, end=end, reason=reason)


def _sections(
    groups: Sequence[Group],
    roles: Mapping[int, Role],
    hidden: Mapping[int, SkipReason],
    builder: BlockBuilder,
    given_titles: Mapping[int, str],
) -> Iterator[Section]:
    """Turn the groups that are read into sections: their blocks and what they begin."""
    title_of = _titles_below(groups, roles)
    for index, group in enumerate(groups):
        if index in hidden:
            continue
        role = roles.get(index)
        if role is not None and (
            index not in given_titles or is_title(group) or read_heading(group.first)
        ):
            below = groups[index + 1].text if index in title_of else ""
            title = given_titles.get(index) or _join(group, below)
            yield Section(blocks=tuple(builder.heading(group)), role=role, title=title)
        elif role is not None:  # a chapter without a heading
            yield Section(blocks=tuple(builder.text(group)), role=role, title=given_titles[index])
        elif index - 1 in title_of or _is_small_heading(groups, index):
            yield Section(blocks=tuple(builder.heading(group)), role=Role.HEADING)
        else:
            yield Section(blocks=tuple(builder.text(group)), is_sentence=is_sentence(group))


def _first_words(page: _Page, hidden: Mapping[int, SkipReason]) -> str:
    """Return a title for a text that has none."""
    first = next((g.text for i, g in enumerate(page.groups) if i not in hidden), "")
    return " ".join(bare(first).split()[:_TITLE_WORDS]) or "Text"


def _titles_below(groups: Sequence[Group], roles: Mapping[int, Role]) -> set[int]:
    """Return headings that have their title in the group below them."""
    bare = [
        index
        for index, role in roles.items()
        if role is not Role.HEADING and _is_bare(groups[index]) and index + 1 < len(groups)
    ]
    titled = [
        i for i in bare if i + 1 not in roles and is_title(groups[i + 1]) and i + 2 < len(groups)
    ]
    sure = {i for i in titled if groups[i + 1].text.isupper()}
    if len(titled) * 2 >= len(bare):  # most chapters have one, so the others are titles, too
        return set(titled)
    return sure


def _is_bare(group: Group) -> bool:
    heading = read_heading(group.first)
    return (
        heading is not None
        and heading.number is not None
        and not heading.title
        and len(group.lines) == 1
    )


def _join(group: Group, below: str) -> str:
    """Join the lines of a heading into one title: "CHAPTER I" and "The Hill"."""
    heading = read_heading(group.first)
    is_split = heading is not None and not heading.title and len(group.lines) > 1
    parts = (
        [group.first, " ".join(line.text for line in group.lines[1:])] if is_split else [group.text]
    )
    kept = [clean_title(part) for part in [*parts, below] if part]
    return ". ".join(part for part in kept if part)


def _is_small_heading(groups: Sequence[Group], index: int) -> bool:
    group = groups[index]
    return len(group.lines) == 1 and is_title(group) and is_capitals(group.text)


def _with_title_page(
    facts: Metadata, groups: Sequence[Group], roles: Mapping[int, Role]
) -> Metadata:
    """Take title and author from the title page if no header gives them."""
    first = min(roles, default=len(groups))
    for index in range(min(first, _FRONT_GROUPS, len(groups))):
        lines = [line.text for group in groups[: index + 1] for line in group.lines]
        match = _BY_LINE.fullmatch(groups[index].lines[-1].text)
        if match is not None and len(lines) > 1 and not facts.authors:
            return replace(
                facts,
                title=facts.title or clean_title(lines[0]),
                authors=(clean_title(match["author"]),),
            )
    return facts
