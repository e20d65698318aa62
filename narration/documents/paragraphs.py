"""Text of a page, as it comes -> the page's blocks, runs and skips, with offsets."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from narration.documents.marks import WRITTEN, WRITTEN_PAGE
from narration.documents.types import BlockKind, Run, Skip, SkipReason

_SPACE = re.compile(r"\s+")
_PUNCTUATED = re.compile(r"[.!?:;,…—–\-][\"”'’)\]]*\s*$")
_LONGEST_SPEAKER = 60  # a longer cell of a table is a paragraph, not what the next one belongs to


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What holds for a piece of text because of the elements around it.

    `stanza` numbers the stanza whose lines these are, 0 outside of verse.
    """

    reason: SkipReason | None = None
    language: str | None = None
    level: int | None = None
    is_titling: bool = False
    is_pre: bool = False
    is_code: bool = False
    is_linked: bool = False
    is_raised: bool = False
    stanza: int = 0

    def evolve(self, **changes: Any) -> "Context":
        """Return a copy with changes."""
        return replace(self, **changes)


class Piece(NamedTuple):
    """page[start:end] in one context; a break is a line's end that the page asks for."""

    start: int
    end: int
    text: str
    reason: SkipReason | None
    context: Context
    reading: str | None = None
    is_break: bool = False

    @property
    def spoken(self) -> str:
        """What is read of it."""
        return self.text if self.reading is None else self.reading


@dataclass(frozen=True, slots=True, kw_only=True)
class PageBlock:
    """A block of a page.

    `level` is that of a heading marked up as one. `stanza` is the same for lines of one stanza.
    `linked_chars` of its `chars` are links into the work.
    """

    kind: BlockKind
    runs: tuple[Run, ...]
    text: str
    level: int | None = None
    language: str | None = None
    stanza: tuple[int, int] | None = None
    linked_chars: int = 0

    @property
    def start(self) -> int:
        """Offset of its first character."""
        return self.runs[0].start

    @property
    def end(self) -> int:
        """Offset behind its last character."""
        return self.runs[-1].end


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page's text, with offsets into the source in which it will stand.

    `anchors` are the places of identifiers, `extents` the places of blocks that have one,
    `marks` the links of marks that lead to notes,
    each with its own place. `added` are the places of text that the page
    does not write out, such as the numbers of a list.
    """

    text: str
    blocks: tuple[PageBlock, ...]
    skips: tuple[Skip, ...]
    anchors: dict[str, int]
    extents: dict[str, tuple[int, int]]
    marks: tuple[tuple[str, int], ...]
    added: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Collected:
    parts: list[str] = field(default_factory=list)
    paragraphs: list[list[Piece]] = field(default_factory=list)
    anchors: dict[str, int] = field(default_factory=dict)
    extents: dict[str, tuple[int, int]] = field(default_factory=dict)
    marks: list[tuple[str, int]] = field(default_factory=list)
    added: list[tuple[int, int]] = field(default_factory=list)


class PageWriter:
    """Collects text; knows where a block ends, and leaves what a block is to others."""

    def __init__(self, offset: int) -> None:
        self.collected = _Collected()
        self._position = offset
        self._pieces: list[Piece] = []
        self._is_ended = False  # the block is closed as soon as more text comes
        self._is_glued = False  # the next text goes on with the row of a table
        self._row = self._block_row = 0
        self._size = 0
        self._tail = ""
        self._prefix = ""
        self._waiting: list[str] = []

    @property
    def before(self) -> str:
        """The last visible characters of the block that is being written."""
        return "" if self._is_ended or not self._pieces else self._tail

    def add(self, text: str, context: Context, reading: str | None = None) -> None:
        """Take text; `reading` is how all of it is said where that differs."""
        if context.is_pre and "\n" in text:
            first, *rest = text.split("\n")
            self._add(first, context, reading)
            for line in rest:
                self.add_break(context)
                self._add(line, context, reading)
        else:
            self._add(text, context, reading)

    def add_hidden(self, text: str, context: Context) -> None:
        """Take text that the page does not show, such as what an image stands for."""
        start = self._position
        self._add(text, context, None)
        if self._pieces and self._pieces[-1].start >= start:
            self.collected.added.append((self._pieces[-1].start, self._position))

    def add_break(self, context: Context) -> None:
        """End a line inside a block."""
        if self._pieces and not self._is_ended and not self._is_glued:
            self._append("\n", context, context.reason, is_break=True)
            self._tail += "\n"

    def add_prefix(self, text: str) -> None:
        """Put text that the page does not write out before the text that comes next."""
        self._prefix = text

    def mark(self, target: str) -> None:
        """Remember where the mark of a note leads to."""
        self.collected.marks.append((target, self._position))

    def anchor(self, identifier: str) -> None:
        """Remember the place of an identifier: where the next text will stand."""
        if identifier:
            self._waiting.append(identifier)

    def close_anchor(self, identifier: str) -> None:
        """Remember how far a block with an identifier extends."""
        start = self.collected.anchors.get(identifier)
        if start is not None:
            self.collected.extents[identifier] = (start, self._position)

    def break_block(self) -> None:
        """End the block; a cell that continues a row does not."""
        if not self._is_glued:
            self._is_ended = True

    def start_row(self) -> None:
        """Begin a row of a table."""
        self._is_glued, self._is_ended = False, True
        self._row += 1

    def start_cell(self) -> None:
        """Begin a cell; it goes on with what the row says so far, if that is short."""
        is_same_row = bool(self._pieces) and self._block_row == self._row
        self._is_glued = is_same_row and self._size <= _LONGEST_SPEAKER
        self._is_ended = not self._is_glued

    def finish(self) -> _Collected:
        """End the page."""
        self._finish_block()
        self._settle_anchors()
        return self.collected

    def _add(self, text: str, context: Context, reading: str | None) -> None:
        text = _SPACE.sub(" ", text)
        if self._is_ended or self._is_glued or not self._pieces or self._tail[-1:].isspace():
            text = text.lstrip()
        if not text:
            return
        if self._is_ended:
            self._finish_block()
        self._settle_anchors()
        if not self._pieces:
            self._block_row = self._row
            if self._prefix and context.reason is None:
                self._append_added(self._prefix, context)
        elif self._is_glued:
            separator = " " if _PUNCTUATED.search(self._tail) else ". "
            self._append_added(" ", context, reading=separator)
        self._prefix, self._is_glued = "", False
        for part, reason in self._parted(text, context):
            self._append(part, context, reason, reading=reading)
            if reason is None:
                self._tail = (self._tail + part)[-40:]
                self._size += len(part)

    def _parted(self, text: str, context: Context) -> Iterator[tuple[str, SkipReason | None]]:
        """Part written marks of notes and page numbers from the words around them."""
        if context.reason is not None or ("[" not in text and "{" not in text):
            yield text, context.reason
            return
        before = self._tail[-1:]
        joined = before + text
        position = len(before)
        marks = [(found, SkipReason.NOTE_MARK) for found in WRITTEN.finditer(joined)]
        pages = [(found, SkipReason.PAGE_NUMBER) for found in WRITTEN_PAGE.finditer(joined)]
        for found, reason in sorted(marks + pages, key=lambda item: item[0].start()):
            start = max(found.start(), len(before))
            if start < position:
                continue
            if position < start:
                yield joined[position:start], None
            yield joined[start : found.end()], reason
            position = found.end()
        if position < len(joined):
            yield joined[position:], None

    def _append_added(self, text: str, context: Context, reading: str | None = None) -> None:
        self.collected.added.append((self._position, self._position + len(text)))
        self._append(text, context, context.reason, reading=reading)
        self._tail = text

    def _append(
        self,
        text: str,
        context: Context,
        reason: SkipReason | None,
        *,
        reading: str | None = None,
        is_break: bool = False,
    ) -> None:
        start = self._position
        self._write(text)
        self._pieces.append(
            Piece(
                start=start,
                end=self._position,
                text=text,
                reason=reason,
                context=context,
                reading=reading,
                is_break=is_break,
            )
        )

    def _finish_block(self) -> None:
        if self._pieces:
            self.collected.paragraphs.append(self._pieces)
            self._pieces = []
            self._write("\n\n")
        self._tail, self._size, self._is_ended = "", 0, False

    def _settle_anchors(self) -> None:
        for identifier in self._waiting:
            self.collected.anchors.setdefault(identifier, self._position)
        self._waiting.clear()

    def _write(self, text: str) -> None:
        self.collected.parts.append(text)
        self._position += len(text)
