"""Markdown -> chapters: headings begin them; code, tables, HTML, images and targets are skipped."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from narration.documents.gather import Entry, Reading, gather_chapters
from narration.documents.markdown_inline import Piece, align
from narration.documents.types import Block, BlockKind, Metadata, Run, Skip, SkipReason

_LINE = re.compile(r"[^\r\n]*(?:\r\n|[\r\n])?")
_FRONT_MATTER = re.compile(  # atomic: else each CRLF could be read in two ways
    r"---[^\S\r\n]*(?>\r\n|[\r\n])(?:[^\r\n]*+(?>\r\n|[\r\n]))*?"
    r"(?:---|\.\.\.)[^\S\r\n]*(?=[\r\n]|\Z)"
)
_FACT = re.compile(r"^(title|author)[ \t]*:[ \t]*([^\r\n]*\S)", re.IGNORECASE | re.MULTILINE)
_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]:")
_LINK_DEFINITION = re.compile(r"\[[^\]]+\]:")
_ITEM_NUMBER = re.compile(r"(?P<before>[\s>]*)(?P<number>\d{1,9}[.)])")
_WORD = re.compile(r"[^\W_]")
_SOLID = re.compile(r"\S(?:.*\S)?")
_SKIPPED_BLOCKS = {
    "fence": SkipReason.CODE,
    "code_block": SkipReason.CODE,
    "html_block": SkipReason.HTML,
    "table_open": SkipReason.NUMBER_TABLE,
    "hr": SkipReason.ORNAMENT,
}


def read_markdown(source: str) -> Reading:
    """Chapters of a markdown text, and everything in it that is not read aloud."""
    reader = _Reader(source)
    entries = list(reader.entries())
    skips = reader.skips + _rest(source, entries, reader.skips)
    return Reading(
        chapters=gather_chapters(entries),
        skips=tuple(sorted(skips, key=lambda skip: skip.start)),
        metadata=_metadata(reader.facts),
    )


def _metadata(facts: dict[str, str]) -> Metadata:
    author = facts.get("author")
    return Metadata(title=facts.get("title"), authors=(author,) if author else ())


class _Reader:
    """One pass over the block tokens; collects skips on the way."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._starts = [match.start() for match in _LINE.finditer(source)]
        self.skips: list[Skip] = []
        self.facts: dict[str, str] = {}
        matter = _FRONT_MATTER.match(source)
        body = source
        if matter:
            self.skips.append(Skip(start=0, end=matter.end(), reason=SkipReason.FRONT_MATTER))
            self.facts = {
                fact[1].lower(): fact[2].strip("\"' ") for fact in _FACT.finditer(matter[0])
            }
            body = re.sub(r"[^\r\n]", " ", matter[0]) + source[matter.end() :]
        parser = MarkdownIt("commonmark").enable(["table", "strikethrough"]).disable("text_join")
        parser.core.ruler.after("block", "footnotes", _forget_footnotes)
        environment: dict[str, Any] = {}
        self._tokens = parser.parse(body, environment)
        self._references: Mapping[str, Any] = environment.get("references", {})

    def entries(self) -> Iterator[Entry]:
        """Blocks with something to say, in order."""
        level = _chapter_level(self._tokens)
        heading: int | None = None
        number: Run | None = None
        until = 0  # tokens before this line belong to a skipped table
        for token in self._tokens:
            if token.map and token.map[0] < until:
                continue
            if token.map and token.type in _SKIPPED_BLOCKS:
                self._skip_lines(token.map, _SKIPPED_BLOCKS[token.type])
                number = None  # an item that is only code has nothing to number
                until = token.map[1] if token.type == "table_open" else until
            elif token.type == "heading_open":
                heading = int(token.tag[1:])
            elif token.type in {"list_item_open", "list_item_close"}:
                number = self._item_number(token)
            elif token.type == "inline":
                yield from self._entry(token, heading, number, level)
                heading = number = None

    def _entry(
        self, token: Token, heading: int | None, number: Run | None, level: int
    ) -> Iterator[Entry]:
        assert token.map is not None
        if _FOOTNOTE.match(token.content):
            self._skip_lines(token.map, SkipReason.NOTE)
            return
        runs = self._runs(token)
        text = "".join(
            self._source[r.start : r.end] if r.reading is None else r.reading for r in runs
        )
        if not _WORD.search(text):
            self.skips += [Skip(start=r.start, end=r.end, reason=SkipReason.ORNAMENT) for r in runs]
            return
        kind = BlockKind.PARAGRAPH if heading is None else BlockKind.HEADING
        block = Block(kind=kind, runs=((number, *runs) if number else tuple(runs)))
        is_chapter = heading is not None and heading <= level
        yield Entry(block=block, title=" ".join(text.split()) if is_chapter else None)

    def _runs(self, token: Token) -> list[Run]:
        """Find what of an inline token is read aloud, in source offsets; the rest becomes skips."""
        assert token.map is not None
        content = token.content
        lines = self._line_offsets(content, token.map[0])
        pieces = align(content, token.children or [], self._references)
        if pieces is None:  # read it as it stands rather than lose a word
            pieces = [Piece(0, len(content), None, None)]
        runs: list[Run] = []
        for piece in chain.from_iterable(_by_line(content, whole) for whole in pieces):
            start = _to_source(lines, piece.start)
            end = start + piece.end - piece.start
            if piece.reason is None:
                runs.append(Run(start=start, end=end, reading=piece.reading))
            else:
                self.skips.append(Skip(start=start, end=end, reason=piece.reason))
        return runs

    def _line_offsets(self, content: str, first_line: int) -> list[tuple[int, int]]:
        """For each line of a content: where it begins in the content and in the source."""
        offsets: list[tuple[int, int]] = []
        begin = 0
        position = self._starts[first_line]
        for number, line in enumerate(content.split("\n")):
            position = max(position, self._starts[first_line + number])
            words = line.strip(" \t")  # a tab before them may have come to be spaces
            position = self._source.index(words, position)
            offsets.append((begin + line.index(words), position))
            begin += len(line) + 1
            position += len(words)
        return offsets

    def _item_number(self, token: Token) -> Run | None:
        """Read the number of an ordered item: it is part of what the author says."""
        if not token.map or not token.info:
            return None
        found = _ITEM_NUMBER.match(self._source, self._starts[token.map[0]])
        if found is None:
            return None
        return Run(start=found.start("number"), end=found.end(), reading=f"{found['number']} ")

    def _skip_lines(self, lines: list[int], reason: SkipReason) -> None:
        start = self._starts[lines[0]]
        end = self._starts[lines[1]] if lines[1] < len(self._starts) else len(self._source)
        text = self._source[start:end]
        start += len(text) - len(text.lstrip())
        if text.strip():
            self.skips.append(Skip(start=start, end=start + len(text.strip()), reason=reason))


def _forget_footnotes(state: StateCore) -> None:
    """Undo what CommonMark makes of a one-word footnote, which looks like a link's definition."""
    references = state.env.get("references", {})
    for label in [label for label in references if label.startswith("^")]:
        del references[label]


def _rest_reason(text: str) -> SkipReason:
    if _FOOTNOTE.match(text):
        return SkipReason.NOTE
    return SkipReason.LINK_TARGET if _LINK_DEFINITION.match(text) else SkipReason.MARKUP


def _chapter_level(tokens: list[Token]) -> int:
    """Headings of this level and above begin chapters: the first level that is used twice."""
    counts = Counter(int(token.tag[1:]) for token in tokens if token.type == "heading_open")
    return next((level for level in sorted(counts) if counts[level] > 1), min(counts, default=1))


def _by_line(content: str, piece: Piece) -> Iterator[Piece]:
    """Divide a piece into lines: in the source, quote marks may lie between them."""
    start = piece.start
    while (newline := content.find("\n", start, piece.end)) >= 0 and newline + 1 < piece.end:
        yield piece._replace(start=start, end=newline + 1)
        start = newline + 1
        while start < piece.end and content[start].isspace():
            start += 1
    if start < piece.end:
        yield piece._replace(start=start)


def _to_source(lines: list[tuple[int, int]], position: int) -> int:
    begin, source = max(line for line in lines if line[0] <= position)
    return source + position - begin


def _rest(source: str, entries: list[Entry], skips: list[Skip]) -> list[Skip]:
    """Collect what lies between runs and skips: marks of headings, lists, quotes; link targets."""
    taken = sorted(
        [(run.start, run.end) for entry in entries for run in entry.block.runs]
        + [(skip.start, skip.end) for skip in skips]
    )
    rest: list[Skip] = []
    position = 0
    for start, end in [*taken, (len(source), len(source))]:
        for found in _SOLID.finditer(source, position, max(position, start)):
            reason = _rest_reason(found[0])
            rest.append(Skip(start=found.start(), end=found.end(), reason=reason))
        position = max(position, end)
    return rest
