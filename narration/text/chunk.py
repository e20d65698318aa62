"""Document -> plan: what each model call speaks, and what becomes of every character."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial

from narration.documents.types import BlockKind, Document, SkipReason
from narration.errors import DocumentError, SettingsError
from narration.text.english import English
from narration.text.flatten import FlatBlock, flatten
from narration.text.normalize import has_words, heading_number, normalize, normalize_heading
from narration.text.opening import cut_opening
from narration.text.partition import Claim, carve, partition
from narration.text.split import Group, Say, group_block
from narration.text.types import ChapterPlan, ChunkLimits, ChunkPlan, PauseLimits, Plan
from narration.text.unspoken import find_unspoken

_LEAST_MAX_CHARS = 40  # the length of a clause; nothing shorter would sound like a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The place of a block; `block` counts through the document."""

    chapter: int
    block: int
    kind: BlockKind


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A chunk without its number and its pause."""

    place: _Place
    source: tuple[tuple[int, int], ...]  # the ranges of the runs, without the markup between them
    unspoken: tuple[tuple[int, int], ...]  # the parts with no spoken form
    caption: str
    spoken: str
    ends_sentence: bool
    is_chosen: bool = True

    @property
    def is_spoken(self) -> bool:
        """Whether it becomes a chunk."""
        return self.is_chosen and has_words(self.spoken)


def plan_chunks(
    document: Document,
    limits: ChunkLimits | None = None,
    pauses: PauseLimits | None = None,
    english: English = English.AMERICAN,
    chapters: Collection[int] | None = None,
) -> Plan:
    """Cut a document into chunks; none crosses a block, and no character is lost.

    `chapters` are the numbers of the chapters to read, from 1 on; the others are skipped. How a
    chapter is cut and read does not depend on whether the others are read.
    Raises: DocumentError if there is nothing to speak; SettingsError if the limits contradict each
    other.
    """
    limits, pauses = limits or ChunkLimits(), pauses or PauseLimits()
    _check(limits)
    drafts = list(_drafts(document, limits, english))
    if chapters is not None:
        drafts = [replace(d, is_chosen=d.place.chapter + 1 in chapters) for d in drafts]
    spoken = [draft for draft in drafts if draft.is_spoken]
    if not spoken and any(has_words(draft.spoken) for draft in drafts):
        raise DocumentError("the chosen chapters have no words to read aloud: choose others")
    if not spoken:
        raise DocumentError(
            "the text has no letters or digits to read aloud: only punctuation, symbols or "
            "skipped parts such as code. Send a text with words"
        )
    return Plan(
        chunks=tuple(_chunks(document, spoken, pauses)),
        chapters=tuple(_chapters(document, spoken)),
        spans=tuple(partition(document.source, sorted(_claims(document, drafts)))),
    )


def _check(limits: ChunkLimits) -> None:
    if limits.max_chars < _LEAST_MAX_CHARS or not 0 <= limits.min_chars <= limits.max_chars // 2:
        raise SettingsError(
            f"max_chars {limits.max_chars} with min_chars {limits.min_chars} cannot be kept: "
            f"max_chars must be {_LEAST_MAX_CHARS} or more and min_chars at most half of it"
        )


def _drafts(document: Document, limits: ChunkLimits, english: English) -> Iterator[_Draft]:
    number = 0
    number_before: int | None = None
    opening = limits.opening
    for chapter, content in enumerate(document.chapters):
        for block in content.blocks:
            flat = flatten(document, block)
            say = _normalizer(flat, block.kind, english, number_before)
            groups, start = cut_opening(flat.text, limits, say, opening)
            groups += group_block(flat.text, limits, say, start=start)
            opening = opening[len(groups) :]
            place = _Place(chapter=chapter, block=number, kind=block.kind)
            yield from _block_drafts(document, flat, groups, place)
            if block.kind is BlockKind.HEADING:
                number_before = heading_number(flat.text) or number_before
            number += 1


def _normalizer(
    flat: FlatBlock, kind: BlockKind, english: English, number_before: int | None
) -> Say:
    """Return the normalizer for a block; notices and telegrams are in capitals like headings."""
    is_shouted = flat.text.isupper() and " " in flat.text
    if is_shouted or kind is BlockKind.HEADING:
        return partial(normalize_heading, english=english, number_before=number_before)
    return partial(normalize, english=english)


def _block_drafts(
    document: Document, flat: FlatBlock, groups: list[Group], place: _Place
) -> Iterator[_Draft]:
    for group in groups:
        text = flat.text[group.start : group.end]
        start = group.start + len(text) - len(text.lstrip())
        end = group.start + len(text.rstrip())
        if start < end:
            yield _Draft(
                place=place,
                source=tuple(flat.source_pieces(start, end)),
                unspoken=tuple(_unspoken(document, flat, start, end)),
                caption=" ".join(text.split()),
                spoken=group.spoken,
                ends_sentence=group.ends_sentence,
            )


def _unspoken(
    document: Document, flat: FlatBlock, start: int, end: int
) -> Iterator[tuple[int, int]]:
    """Return where the source has what no voice can speak; an entity counts if it is only that."""
    for first, last in find_unspoken(flat.text[start:end]):
        for piece in flat.source_pieces(start + first, start + last):
            written = document.source[piece[0] : piece[1]]
            if len(written) <= last - first or written.startswith("&"):
                yield piece


def _chunks(document: Document, drafts: list[_Draft], pauses: PauseLimits) -> Iterator[ChunkPlan]:
    chapters = {
        chapter: i for i, chapter in enumerate(dict.fromkeys(d.place.chapter for d in drafts))
    }
    for index, draft in enumerate(drafts):
        following = drafts[index + 1] if index + 1 < len(drafts) else None
        start, end = draft.source[0][0], draft.source[-1][1]
        yield ChunkPlan(
            index=index,
            chapter=chapters[draft.place.chapter],
            kind=draft.place.kind,
            start=start,
            end=end,
            text=document.source[start:end],
            caption=draft.caption,
            spoken_text=draft.spoken,
            pause_after_ms=_pause(draft, following, pauses),
        )


def _pause(draft: _Draft, following: _Draft | None, pauses: PauseLimits) -> int:
    if following is None:
        return 0
    if draft.place.chapter != following.place.chapter:
        return pauses.chapter_ms
    if draft.place.block != following.place.block:
        if BlockKind.HEADING in {draft.place.kind, following.place.kind}:
            return pauses.heading_ms
        return pauses.line_ms if draft.place.kind is BlockKind.LINE else pauses.paragraph_ms
    return pauses.sentence_ms if draft.ends_sentence else pauses.clause_ms


def _chapters(document: Document, drafts: list[_Draft]) -> Iterator[ChapterPlan]:
    seen: set[int] = set()
    for index, draft in enumerate(drafts):
        if draft.place.chapter not in seen:
            seen.add(draft.place.chapter)
            chapter = document.chapters[draft.place.chapter]
            yield ChapterPlan(
                title=chapter.title,
                part=chapter.part,
                first_chunk=index,
                number=draft.place.chapter + 1,
            )


def _claims(document: Document, drafts: list[_Draft]) -> Iterator[Claim]:
    """Yield the ranges of the source that are spoken or skipped; the rest are pauses."""
    index = 0
    for draft in drafts:
        if draft.is_spoken:
            for (start, end), is_hole in carve(draft.source, draft.unspoken):
                chunk, reason = (None, SkipReason.UNSPEAKABLE) if is_hole else (index, None)
                yield Claim(start=start, end=end, chunk=chunk, reason=reason)
        else:
            for start, end in draft.source:
                reason = SkipReason.ORNAMENT if draft.is_chosen else SkipReason.LEFT_OUT
                yield Claim(start=start, end=end, chunk=None, reason=reason)
        index += draft.is_spoken
    for skip in document.skips:
        yield Claim(start=skip.start, end=skip.end, chunk=None, reason=skip.reason)
