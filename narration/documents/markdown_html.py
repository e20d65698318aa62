"""HTML in a markdown text: read as a page, then mapped back to the source."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from html import unescape
from typing import NamedTuple

from narration.documents.page import read_page
from narration.documents.paragraphs import Page, PageBlock
from narration.documents.types import BlockKind, Run, Skip, SkipReason
from narration.errors import DocumentError

_UNSEEN = r"script|style|head|title|svg|template|object|audio|video|iframe|canvas|noscript"
_PARTS = re.compile(
    rf"<(?P<unseen>{_UNSEEN})\b[^<>]*+>|(?P<comment><!--)|(?P<tag></?[A-Za-z][^<>]*+>|<[!?][^<>]*+>)|"
    r"(?P<entity>&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|\w{1,31});)|(?P<space>\s+)|(?P<text>(?s:.))",
    re.IGNORECASE,
)
_CLOSING = {name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in _UNSEEN.split("|")} | {
    "": re.compile("-->")
}
_BREAKING = re.compile(r"</?(?:p|div|br|h[1-6]|li|ul|ol|t[rdh]|table|section|hr)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlBlock:
    """The text of a piece of HTML, with offsets into the surrounding source."""

    blocks: tuple[PageBlock, ...]
    skips: tuple[Skip, ...]


def read_html(source: str, start: int, end: int, spoken: frozenset[SkipReason]) -> HtmlBlock:
    """Read source[start:end] as a page; text that cannot be mapped back is read literally."""
    try:
        page = read_page(source[start:end], what="HTML in the text", spoken=spoken)
    except DocumentError:
        return HtmlBlock(blocks=tuple(_bare_blocks(source, start, end)), skips=())
    letters = [letter for letter in _letters(source, start, end) if not letter[2].isspace()]
    places = list(_shown(page))
    if [page.text[place] for place in places] != [letter[2] for letter in letters]:
        return HtmlBlock(blocks=tuple(_bare_blocks(source, start, end)), skips=())
    blocks = [
        replace(
            block, runs=tuple(_runs(source, _spoken_letters(source, page, block, places, letters)))
        )
        for block in page.blocks
    ]
    return HtmlBlock(
        blocks=tuple(block for block in blocks if block.runs),
        skips=tuple(_skips(page, places, letters)),
    )


def _parts(source: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """Return tags, entities and characters, except those in elements that are not shown."""
    while start < end:
        match = _PARTS.match(source, start, end)
        assert match is not None  # every character matches
        start = match.end()
        if match["unseen"] or match["comment"]:
            closing = _CLOSING[(match["unseen"] or "").lower()].search(source, start, end)
            start = end if closing is None else closing.end()
        yield match


def _letters(source: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Return the characters of the source that are text, each with its place."""
    for part in _parts(source, start, end):
        if part["text"] or part["space"]:
            yield part.start(), part.end(), part[0]
        elif part["entity"]:
            for character in unescape(part[0]):
                yield part.start(), part.end(), character


def _bare_blocks(source: str, start: int, end: int) -> Iterator[PageBlock]:
    """Make paragraphs of text between tags."""
    runs: list[Run] = []
    for part in _parts(source, start, end):
        if part["text"] or part["space"] or part["entity"]:
            reading = unescape(part[0]) if part["entity"] else None
            if (
                runs
                and reading is None
                and runs[-1].reading is None
                and runs[-1].end == part.start()
            ):
                runs[-1] = replace(runs[-1], end=part.end())
            else:
                runs.append(Run(start=part.start(), end=part.end(), reading=reading))
        elif _BREAKING.match(part[0]):
            yield from _bare_block(source, runs)
            runs = []
    yield from _bare_block(source, runs)


def _bare_block(source: str, runs: list[Run]) -> Iterator[PageBlock]:
    text = "".join(
        source[run.start : run.end] if run.reading is None else run.reading for run in runs
    )
    if any(character.isalnum() for character in text):
        yield PageBlock(kind=BlockKind.PARAGRAPH, runs=tuple(runs), text=" ".join(text.split()))


def _shown(page: Page) -> Iterator[int]:
    """Return the places of the same characters in the text of the page."""
    added = iter(sorted(page.added))
    start, end = next(added, (len(page.text), len(page.text)))
    for place, character in enumerate(page.text):
        while place >= end:
            start, end = next(added, (len(page.text), len(page.text)))
            if start == len(page.text):
                break
        if not character.isspace() and not start <= place < end:
            yield place


class _SpokenLetter(NamedTuple):
    """A letter of the source with its reading, and text to speak before it."""

    start: int
    end: int
    reading: str | None
    before: str


def _runs(source: str, letters: Iterable[_SpokenLetter]) -> Iterator[Run]:
    """Join letters that are read as written and have the same space between them."""
    run: Run | None = None
    for letter in letters:
        if run is not None and letter.start < run.end:
            continue  # another character of the same entity
        gap = "" if run is None else source[run.end : letter.start]
        is_joined = gap == letter.before or (gap.isspace() and letter.before.isspace())
        if run is not None and run.reading is None and letter.reading is None and is_joined:
            run = replace(run, end=letter.end)
            continue
        if run is not None:
            yield run
        reading = letter.reading
        if letter.before:
            own = source[letter.start : letter.end] if reading is None else reading
            reading = letter.before + own
        run = Run(start=letter.start, end=letter.end, reading=reading)
    if run is not None:
        yield run


def _spoken_letters(
    source: str,
    page: Page,
    block: PageBlock,
    places: list[int],
    letters: list[tuple[int, int, str]],
) -> Iterator[_SpokenLetter]:
    """Map the letters of a block; text that is only shown is spoken before the next letter."""
    before = ""
    for run in block.runs:
        first, behind = bisect_left(places, run.start), bisect_left(places, run.end)
        position = run.start
        for number in range(first, behind):
            before += page.text[position : places[number]] if run.reading is None else ""
            position = places[number] + 1
            start, end, _ = letters[number]
            reading = unescape(source[start:end]) if end - start > 1 else None
            if run.reading is not None:
                reading = run.reading if number == first else ""
            yield _SpokenLetter(start, end, reading, before)
            before = ""
        if run.reading is None:
            before += page.text[position : run.end]
        elif first == behind:
            before += run.reading


def _skips(page: Page, places: list[int], letters: list[tuple[int, int, str]]) -> Iterator[Skip]:
    for skip in page.skips:
        first, behind = bisect_left(places, skip.start), bisect_left(places, skip.end)
        if first < behind:
            yield Skip(start=letters[first][0], end=letters[behind - 1][1], reason=skip.reason)
