"""Text of a page, in order of arrival -> the page's blocks, runs and skips, with offsets."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from narration.documents.marks import WRITTEN, WRITTEN_PAGE
from narration.documents.types import BlockKind, Run, Skip, SkipReason

_SPACE = re.compile(r"\s+")
_PUNCTUATED = re.compile(r"[.!?:;,…—–\-][\"”'’)\]]*\s*$")
_LONGEST_SPEAKER = 60  # a longer table cell is a paragraph, not the speaker of the next one


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Properties of a piece of text that follow from the elements around it.

    `stanza` is the number of the stanza these lines belong to, 0 outside of verse.
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
    """page[start:end] in one context; a break is an explicit end of a line."""

    start: int
    end: int
    text: str
    reason: SkipReason | None
    context: Context
    reading: str | None = None
    is_break: bool = False

    @property
    def spoken(self) -> str:
        """The text that is read."""
        return self.text if self.reading is None else self.reading


@dataclass(frozen=True, slots=True, kw_only=True)
class PageBlock:
    """A block of a page.

    `level` is that of a marked-up heading. `stanza` is equal for lines of one stanza.
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
        """Offset after its last character."""
        return self.runs[-1].end


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page's text, with offsets into the source that will contain it.

    `anchors` are the places of identifiers, `extents` those of blocks with identifiers, `marks` the
    links of note references, each with its place. `added` are the places of text that is not
    written in the page, such as the numbers of a list.
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
    """Collects text and decides where blocks end; other modules decide what a block is."""

    def __init__(self, offset: int) -> None:
        self.collected = _Collected()
        self._position = offset
        self._pieces: list[Piece] = []
        self._is_ended = False  # the block is closed when more text comes
        self._is_glued = False  # the next text continues a table row
        self._row = self._block_row = 0
        self._size = 0
        self._tail = ""
        self._prefix = ""
        self._waiting: list[str] = []

    @property
    def before(self) -> str:
        """The last visible characters of the current block."""
        return "" if self._is_ended or not self._pieces else self._tail

    def add(self, text: str, context: Context, reading: str | None = None) -> None:
        """Add text; `reading` is how all of it is spoken, if different."""
        if context.is_pre and "\n" in text:
            first, *rest = text.split("\n")
            self._add(first, context, reading)
            for line in rest:
                self.add_break(context)
                self._add(line, context, reading)
        else:
            self._add(text, context, reading)

    def add_hidden(self, text: str, context: Context) -> None:
        """Add text that the page does not show, such as the text that an image replaces."""
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
        """Put text that is not written in the page before the next text."""
        self._prefix = text

    def mark(self, target: str) -> None:
        """Record the target of a note reference."""
        self.collected.marks.append((target, self._position))

    def anchor(self, identifier: str) -> None:
        """Record the place of an identifier: where the next text will be."""
        if identifier:
            self._waiting.append(identifier)

    def close_anchor(self, identifier: str) -> None:
        """Record where a block with an identifier ends."""
        start = self.collected.anchors.get(identifier)
        if start is not None:
            self.collected.extents[identifier] = (start, self._position)

    def break_block(self) -> None:
        """End the block, unless it is a cell that continues a row."""
        if not self._is_glued:
            self._is_ended = True

    def start_row(self) -> None:
        """Begin a table row."""
        self._is_glued, self._is_ended = False, True
        self._row += 1

    def start_cell(self) -> None:
        """Begin a cell; it continues the text of the row so far, if that is short."""
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
        """Separate written note references and page numbers from the words around them."""
        if context.reason is not None or ("[" not in text and "{" not in text):
            yield text, context.reason
            return
        before = self._tail[-1:]
        joined = before + text
        position = len(before)
        marks = [(match, SkipReason.NOTE_MARK) for match in WRITTEN.finditer(joined)]
        pages = [(match, SkipReason.PAGE_NUMBER) for match in WRITTEN_PAGE.finditer(joined)]
        for match, reason in sorted(marks + pages, key=lambda item: item[0].start()):
            start = max(match.start(), len(before))
            if start < position:
                continue
            if position < start:
                yield joined[position:start], None
            yield joined[start : match.end()], reason
            position = match.end()
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
