"""HTML in a markdown text: read as a page, then found again in the source."""

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
    """What a piece of HTML says, with offsets into the source it stands in."""

    blocks: tuple[PageBlock, ...]
    skips: tuple[Skip, ...]


def read_html(source: str, start: int, end: int, spoken: frozenset[SkipReason]) -> HtmlBlock:
    """Read source[start:end] as a page; what is not found there again is read as it stands."""
    try:
        page = read_page(source[start:end], what="HTML in the text", spoken=spoken)
    except DocumentError:
        return HtmlBlock(blocks=tuple(_bare_blocks(source, start, end)), skips=())
    letters = [letter for letter in _letters(source, start, end) if not letter[2].isspace()]
    places = list(_shown(page))
    if [page.text[place] for place in places] != [letter[2] for letter in letters]:
        return HtmlBlock(blocks=tuple(_bare_blocks(source, start, end)), skips=())
    blocks = [
        replace(block, runs=tuple(_runs(source, _said(source, page, block, places, letters))))
        for block in page.blocks
    ]
    return HtmlBlock(
        blocks=tuple(block for block in blocks if block.runs),
        skips=tuple(_skips(page, places, letters)),
    )


def _parts(source: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """Tags, entities and characters, without what lies in elements that are not shown."""
    while start < end:
        found = _PARTS.match(source, start, end)
        assert found is not None  # any character is a part
        start = found.end()
        if found["unseen"] or found["comment"]:
            closing = _CLOSING[(found["unseen"] or "").lower()].search(source, start, end)
            start = end if closing is None else closing.end()
        yield found


def _letters(source: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """Characters of the source that are text, each with its place."""
    for found in _parts(source, start, end):
        if found["text"] or found["space"]:
            yield found.start(), found.end(), found[0]
        elif found["entity"]:
            for character in unescape(found[0]):
                yield found.start(), found.end(), character


def _bare_blocks(source: str, start: int, end: int) -> Iterator[PageBlock]:
    """Make paragraphs of what stands between tags."""
    runs: list[Run] = []
    for found in _parts(source, start, end):
        if found["text"] or found["space"] or found["entity"]:
            reading = unescape(found[0]) if found["entity"] else None
            if (
                runs
                and reading is None
                and runs[-1].reading is None
                and runs[-1].end == found.start()
            ):
                runs[-1] = replace(runs[-1], end=found.end())
            else:
                runs.append(Run(start=found.start(), end=found.end(), reading=reading))
        elif _BREAKING.match(found[0]):
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
    """Places of the same characters in the page's text."""
    added = iter(sorted(page.added))
    start, end = next(added, (len(page.text), len(page.text)))
    for place, character in enumerate(page.text):
        while place >= end:
            start, end = next(added, (len(page.text), len(page.text)))
            if start == len(page.text):
                break
        if not character.isspace() and not start <= place < end:
            yield place


class _Said(NamedTuple):
    """A letter of the source with its reading, and what is said before it."""

    start: int
    end: int
    reading: str | None
    before: str


def _runs(source: str, said: Iterable[_Said]) -> Iterator[Run]:
    """Join letters that are read as they stand and have the same space between them."""
    run: Run | None = None
    for letter in said:
        if run is not None and letter.start < run.end:
            continue  # one more character of the same entity
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


def _said(
    source: str,
    page: Page,
    block: PageBlock,
    places: list[int],
    letters: list[tuple[int, int, str]],
) -> Iterator[_Said]:
    """Find the letters of a block; what is only shown is said before the letter after it."""
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
            yield _Said(start, end, reading, before)
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
