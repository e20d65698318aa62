"""Markdown -> chapters at headings; code, tables, HTML, images and link targets are skipped."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from markdown_it.token import Token

from narration.documents.chapters import by_headings, names_chapter
from narration.documents.compose import end_stanzas, wraps_prose
from narration.documents.front_matter import read_front_matter
from narration.documents.gather import Reading
from narration.documents.grids import is_grid
from narration.documents.markdown_hidden import without_hidden
from narration.documents.markdown_html import read_html
from narration.documents.markdown_inline import Piece, align, by_line, is_image_alone, without_task
from narration.documents.markdown_marks import code_lines, unread
from narration.documents.markdown_parser import make_parser
from narration.documents.markdown_tables import Cell, cells
from narration.documents.paragraphs import PageBlock
from narration.documents.repeated import contents_reasons
from narration.documents.types import BlockKind, Metadata, Run, Skip, SkipReason

_LINE = re.compile(r"[^\r\n]*(?:\r\n|[\r\n])?")
_FRONT_MATTER = re.compile(  # atomic: otherwise each CRLF could match in two ways
    r"---[^\S\r\n]*(?>\r\n|[\r\n])(?:[^\r\n]*+(?>\r\n|[\r\n]))*?"
    r"(?:---|\.\.\.)[^\S\r\n]*(?=[\r\n]|\Z)"
)
_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]:")
_ITEM_NUMBER = re.compile(r"(?P<before>[\s>]*)(?P<number>\d{1,9}[.)])")
_LINE_MARK = re.compile(r"\|[ \t]+")  # before each line of a poem
_WORD = re.compile(r"[^\W_]")
_MARKED = re.compile(r"[*_`~<\[\]!\\&]")
_LONGEST_LINE = 120
_READ_ON_DEMAND = frozenset({SkipReason.NOTE_MARK, SkipReason.HIDDEN})
_SKIPPED_BLOCKS = {
    "fence": SkipReason.CODE,
    "code_block": SkipReason.CODE,
    "hr": SkipReason.ORNAMENT,
}


def read_markdown(source: str, spoken: frozenset[SkipReason] = frozenset()) -> Reading:
    """Return the chapters of a markdown text, and everything in it that is not read aloud."""
    reader = _Reader(source, spoken)
    blocks = list(end_stanzas(reader.blocks()))
    skips = reader.skips
    read: list[PageBlock] = []
    for block, reason in zip(blocks, contents_reasons(blocks), strict=True):
        if reason is None or reason in spoken:
            read.append(block)
        else:
            skips += [Skip(start=run.start, end=run.end, reason=reason) for run in block.runs]
    skips += unread(source, read, skips)
    title = reader.metadata.title or _title(read)
    return Reading(
        chapters=by_headings(read, (), title=title) if read else (),
        skips=tuple(sorted(skips, key=lambda skip: skip.start)),
        metadata=replace(reader.metadata, title=title),
    )


class _Reader:
    """One pass over the block tokens, which also collects skips."""

    def __init__(self, source: str, spoken: frozenset[SkipReason]) -> None:
        self._source = source
        self._spoken = spoken
        self._reads_images = SkipReason.IMAGE in spoken
        self._starts = [match.start() for match in _LINE.finditer(source)]
        self._number = 0
        self._linked = 0  # characters of link text in the current inline token
        self.skips: list[Skip] = []
        self.metadata = Metadata()
        matter = _FRONT_MATTER.match(source)
        body = source
        if matter:
            self.skips.append(Skip(start=0, end=matter.end(), reason=SkipReason.FRONT_MATTER))
            self.metadata = read_front_matter(matter[0])
            body = re.sub(r"[^\r\n]", " ", matter[0]) + source[matter.end() :]
        self._parser = make_parser()
        environment: dict[str, Any] = {}
        self._tokens = self._parser.parse(body, environment)
        if SkipReason.HIDDEN not in spoken:
            self._tokens, hidden = without_hidden(self._tokens)
            for lines in hidden:
                self._skip_lines(lines, SkipReason.HIDDEN)
        self._references: Mapping[str, Any] = environment.get("references", {})

    def blocks(self) -> Iterator[PageBlock]:
        """Yield blocks with text to read, in order."""
        heading: int | None = None
        number: Run | None = None
        for token in self._tokens:
            if token.map and token.type in _SKIPPED_BLOCKS:
                yield from self._skipped(token.map, _SKIPPED_BLOCKS[token.type])
                number = None  # an item that is only code has no number to read
            elif token.map and token.type == "html_block":
                html = read_html(self._source, *self._extent(token.map), self._spoken)
                self.skips += html.skips
                yield from html.blocks
            elif token.map and token.type == "table":
                yield from self._table(token.map)
            elif token.type == "heading_open":
                heading = int(token.tag[1:])
            elif token.type in {"list_item_open", "list_item_close"}:
                number = self._item_number(token)
            elif token.type == "inline":
                yield from self._inline(token, heading, number)
                heading = number = None

    def _inline(self, token: Token, heading: int | None, number: Run | None) -> Iterator[PageBlock]:
        assert token.map is not None
        if _FOOTNOTE.match(token.content) and SkipReason.NOTE not in self._spoken:
            self._skip_lines(token.map, SkipReason.NOTE)
            return
        lines = list(self._spoken_lines(token, is_heading=heading is not None))
        runs = list(chain.from_iterable(lines))
        text = self._text(runs)
        if not _WORD.search(text):
            self.skips += [Skip(start=r.start, end=r.end, reason=SkipReason.ORNAMENT) for r in runs]
            return
        if number is not None:
            lines[0].insert(0, number)
        if heading is None and len(lines) > 1:
            yield from self._verse(lines)
            return
        kind = BlockKind.PARAGRAPH if heading is None else BlockKind.HEADING
        yield self._block(kind, list(chain.from_iterable(lines)), level=heading)

    def _verse(self, lines: list[list[Run]]) -> Iterator[PageBlock]:
        """Return the blocks of lines with explicit line breaks."""
        self._number += 1
        texts = [self._text(line) for line in lines]
        if wraps_prose(texts):
            yield self._block(BlockKind.PARAGRAPH, list(chain.from_iterable(lines)))
            return
        for line, text in zip(lines, texts, strict=True):
            if _WORD.search(text):
                kind = BlockKind.LINE if len(text) <= _LONGEST_LINE else BlockKind.PARAGRAPH
                yield replace(self._block(kind, line), stanza=(self._number, 0))
            else:
                self.skips += [
                    Skip(start=run.start, end=run.end, reason=SkipReason.ORNAMENT)
                    for run in line
                    if self._source[run.start : run.end].strip()
                ]

    def _block(self, kind: BlockKind, runs: list[Run], level: int | None = None) -> PageBlock:
        text = " ".join(self._text(runs).split())
        linked, self._linked = self._linked, 0
        return PageBlock(kind=kind, runs=tuple(runs), text=text, level=level, linked_chars=linked)

    def _text(self, runs: list[Run]) -> str:
        return "".join(
            self._source[run.start : run.end] if run.reading is None else run.reading
            for run in runs
        )

    def _spoken_lines(self, token: Token, *, is_heading: bool = False) -> Iterator[list[Run]]:
        """Return what is read of an inline token, in source offsets; the rest becomes skips."""
        assert token.map is not None
        content = token.content
        lines = self._line_offsets(content, token.map[0])
        begins = [begin for begin, _ in lines]
        self._linked = 0
        tokens = token.children or []
        reads_images = self._reads_images or (is_heading and is_image_alone(tokens))
        pieces = align(content, tokens, self._references, reads_images=reads_images)
        if pieces is None:  # read it literally rather than lose a word
            pieces = [Piece(0, len(content), None, None)]
        pieces = without_task(content, pieces) if token.meta.get("is_item") else pieces
        is_poem = content.count("\n|") == content.count("\n") and content.startswith("| ")
        runs: list[Run] = []
        for piece in chain.from_iterable(by_line(content, whole) for whole in pieces):
            start, end = piece.start, piece.end
            if is_poem and start in begins and (mark := _LINE_MARK.match(content, start, end)):
                if runs:
                    yield runs
                    runs = []
                start = mark.end()
            begin, source = lines[bisect_right(begins, piece.start) - 1]
            place = source - begin
            is_read = piece.reason in _READ_ON_DEMAND & self._spoken
            if piece.reason is not None and not is_read:
                self.skips.append(Skip(start=place + start, end=place + end, reason=piece.reason))
            elif start < end:
                self._linked += (end - start) * piece.is_linked
                runs.append(Run(start=place + start, end=place + end, reading=piece.reading))
            if piece.ends_line and runs:
                yield runs
                runs = []
        if runs:
            yield runs

    def _table(self, lines: list[int]) -> Iterator[PageBlock]:
        """Read a table row by row, or skip a grid of numbers."""
        rows = [self._row(line) for line in (lines[0], *range(lines[0] + 2, lines[1]))]
        texts = [[self._source[cell.start : cell.end] for cell in row] for row in rows]
        if is_grid(texts[1:]) and SkipReason.NUMBER_TABLE not in self._spoken:
            self._skip_lines(lines, SkipReason.NUMBER_TABLE)
            return
        for row in rows:
            runs = self._row_runs(row)
            if _WORD.search(self._text(runs)):
                yield self._block(BlockKind.PARAGRAPH, runs)

    def _row(self, line: int) -> list[Cell]:
        start, end = self._extent([line, line + 1])
        quoted = re.compile(r"[\s>]*").match(self._source, start, end)
        assert quoted is not None
        return list(cells(self._source[quoted.end() : end], quoted.end()))

    def _row_runs(self, row: list[Cell]) -> list[Run]:
        """Join the cells of a row; each pipe between two is read as the end of a sentence."""
        runs: list[Run] = []
        for cell in row:
            if runs:
                stop = self._text(runs).rstrip()[-1:]
                pipe = self._source.index("|", runs[-1].end)
                separator = " " if stop in set(".!?:;,…—–-") else ". "
                runs.append(Run(start=pipe, end=pipe + 1, reading=separator))
            runs += self._cell_runs(cell)
        return runs

    def _cell_runs(self, cell: Cell) -> list[Run]:
        content = self._source[cell.start : cell.end]
        if not _MARKED.search(content):
            return [Run(start=cell.start, end=cell.end)]
        [inline] = self._parser.parseInline(content, {"references": self._references})
        tokens = inline.children or []
        pieces = align(content, tokens, self._references, reads_images=self._reads_images)
        runs: list[Run] = []
        for piece in pieces or [Piece(0, len(content), None, None)]:
            start, end = cell.start + piece.start, cell.start + piece.end
            if piece.reason is not None:
                self.skips.append(Skip(start=start, end=end, reason=piece.reason))
            else:
                runs.append(Run(start=start, end=end, reading=piece.reading))
        return runs

    def _line_offsets(self, content: str, first_line: int) -> list[tuple[int, int]]:
        """Return where each line of a content begins in the content and in the source."""
        offsets: list[tuple[int, int]] = []
        begin = 0
        position = self._starts[first_line]
        for number, line in enumerate(content.split("\n")):
            position = max(position, self._starts[first_line + number])
            words = line.strip(" \t")  # a tab before them may have been expanded to spaces
            position = self._source.index(words, position)
            offsets.append((begin + line.index(words), position))
            begin += len(line) + 1
            position += len(words)
        return offsets

    def _item_number(self, token: Token) -> Run | None:
        """Return the number of an ordered item, which is part of the text to read."""
        if not token.map or not token.info:
            return None
        match = _ITEM_NUMBER.match(self._source, self._starts[token.map[0]])
        if match is None:
            return None
        return Run(start=match.start("number"), end=match.end(), reading=f"{match['number']} ")

    def _skipped(self, lines: list[int], reason: SkipReason) -> Iterator[PageBlock]:
        """Skip a block, or read it line by line if its reason is among those to read."""
        if reason not in self._spoken:
            self._skip_lines(lines, reason)
            return
        self._number += 1
        for run in code_lines(self._source, *self._extent(lines)):
            yield replace(self._block(BlockKind.LINE, [run]), stanza=(self._number, 0))

    def _skip_lines(self, lines: list[int], reason: SkipReason) -> None:
        start, end = self._extent(lines)
        text = self._source[start:end]
        start += len(text) - len(text.lstrip())
        if text.strip():
            self.skips.append(Skip(start=start, end=start + len(text.strip()), reason=reason))

    def _extent(self, lines: list[int]) -> tuple[int, int]:
        start = self._starts[lines[0]]
        end = self._starts[lines[1]] if lines[1] < len(self._starts) else len(self._source)
        return start, end


def _title(blocks: list[PageBlock]) -> str | None:
    """Take the first heading as the title of the text, unless it is that of a chapter."""
    if not blocks or blocks[0].level is None:
        return None
    return None if names_chapter(blocks[0].text) else blocks[0].text
