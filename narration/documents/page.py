"""One page of an e-book (XHTML) -> its text, block by block, and what of it is not read aloud."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from narration.documents.types import Run, Skip, SkipReason

_BLOCKS = frozenset(
    (  # noqa: SIM905 - tags read better in a row
        "address article aside blockquote body caption center dd div dl dt fieldset figcaption "
        "figure footer h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table td th tr ul"
    ).split()
)
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "wbr"}
)
_UNSEEN = frozenset({"head", "script", "style", "title", "svg", "math", "template"})
_SKIPPED = {
    "nav": SkipReason.CONTENTS,
    "pre": SkipReason.CODE,
    "table": SkipReason.NUMBER_TABLE,
}
# Source: EPUB Structural Semantics Vocabulary 1.1 and DPUB-ARIA 1.1.
_NOTES = frozenset(
    (  # noqa: SIM905
        "footnote footnotes endnote endnotes rearnote rearnotes note noteref doc-footnote "
        "doc-endnote doc-endnotes doc-noteref doc-backlink backlink"
    ).split()
)
_CONTENTS = frozenset({"toc", "doc-toc", "landmarks", "page-list", "index", "doc-index"})
_NOTE_MARK = re.compile(r"\s*[\[(]?(?:\d{1,3}|[*†‡§]+|[a-z])[\])]?\s*")
_SPACE = re.compile(r"\s+")
_HEADING = re.compile(r"h[1-6]")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageBlock:
    """A block of a page: its runs, and its level if it is a heading."""

    runs: tuple[Run, ...]
    level: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page's text with offsets into it."""

    text: str
    blocks: tuple[PageBlock, ...]
    skips: tuple[Skip, ...]


def read_page(markup: str, *, offset: int) -> Page:
    """Read a page; its offsets begin at `offset`, where its text will stand in the source."""
    parser = _PageParser(offset)
    parser.feed(markup)
    parser.close()
    parser.end_block()
    return Page(text="".join(parser.parts), blocks=tuple(parser.blocks), skips=tuple(parser.skips))


@dataclass(slots=True)
class _Element:
    tag: str
    reason: SkipReason | None
    is_unseen: bool


class _PageParser(HTMLParser):
    """Follows the tags; forgiving, as e-books need it."""

    def __init__(self, offset: int) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.blocks: list[PageBlock] = []
        self.skips: list[Skip] = []
        self._position = offset
        self._open: list[_Element] = []
        self._runs: list[Run] = []
        self._is_fresh = True  # nothing in this block yet: white space does not count

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        """Begin an element; a block ends the one before it."""
        if tag in _BLOCKS:
            self.end_block()
        if tag == "br":
            self._add("\n")
        if tag in _VOID:
            return
        above = self._open[-1] if self._open else _Element("", None, is_unseen=False)
        self._open.append(
            _Element(
                tag=tag,
                reason=above.reason or _reason(tag, dict(attrs)),
                is_unseen=above.is_unseen or tag in _UNSEEN,
            )
        )

    def handle_endtag(self, tag: str) -> None:
        """End an element and whatever was left open in it."""
        if not any(element.tag == tag for element in self._open):
            return
        if tag in _BLOCKS:
            self.end_block()
        while self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Take text; inside a raised link it is the mark of a note."""
        if not (self._open and self._open[-1].is_unseen):
            self._add(_SPACE.sub(" ", data))

    def end_block(self) -> None:
        """Close the block, if there is anything in it."""
        if self._runs:
            level = next((int(e.tag[1]) for e in self._open if _HEADING.fullmatch(e.tag)), None)
            self.blocks.append(PageBlock(runs=tuple(self._runs), level=level))
            self._runs = []
        if not self._is_fresh:
            self._append("\n\n")
            self._is_fresh = True

    def _add(self, text: str) -> None:
        text = text.lstrip() if self._is_fresh else text
        if not text:
            return
        start, self._is_fresh = self._position, False
        self._append(text)
        reason = self._open[-1].reason if self._open else None
        if reason is None and self._is_note_mark(text):
            reason = SkipReason.NOTE_MARK
        if reason is not None:
            self.skips.append(Skip(start=start, end=self._position, reason=reason))
        elif self._runs and self._runs[-1].end == start:
            self._runs[-1] = Run(start=self._runs[-1].start, end=self._position)
        else:
            self._runs.append(Run(start=start, end=self._position))

    def _append(self, text: str) -> None:
        self.parts.append(text)
        self._position += len(text)

    def _is_note_mark(self, text: str) -> bool:
        tags = {element.tag for element in self._open}
        return {"a", "sup"} <= tags and _NOTE_MARK.fullmatch(text) is not None


def _reason(tag: str, attributes: dict[str, str | None]) -> SkipReason | None:
    kinds = f"{attributes.get('epub:type') or ''} {attributes.get('role') or ''}".split()
    if _NOTES.intersection(kinds):
        return SkipReason.NOTE_MARK if "noteref" in " ".join(kinds) else SkipReason.NOTE
    if _CONTENTS.intersection(kinds):
        return SkipReason.CONTENTS
    if {"pagebreak", "doc-pagebreak"}.intersection(kinds):
        return SkipReason.PAGE_NUMBER
    return _SKIPPED.get(tag)
