"""Pieces of one paragraph -> blocks: a heading, a paragraph, lines of verse, or code."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from narration.documents.paragraphs import Context, PageBlock, Piece
from narration.documents.types import BlockKind, Run, Skip, SkipReason

_PLAIN = Context()
_LONGEST_TITLE = 160
_LONGEST_LINE = 120  # a longer one is not verse
_ENDS = re.compile(r"[.!?:;,…—–][\"”'’)\]]*\s*$")
_WORD = re.compile(r"[^\W_]")
_CODE_LINE = re.compile(
    r"[{};]\s*$|^\s*[\w.\[\]]+\s*[-+*/|&]?=\s*\S|\w\([^)]*\)\s*[;:]?\s*$|"
    r"^\s*(?:#include|#!|\$ |>>> |def \w+\(|import \w+$|<[/?!a-z])"
)


def compose(
    number: int, pieces: list[Piece], spoken: frozenset[SkipReason]
) -> tuple[list[PageBlock], list[Skip]]:
    """Return the blocks and skips of paragraph `number` of a page, in order."""
    skips = [_skip(piece, piece.reason) for piece in pieces if piece.reason is not None]
    seen = [piece for piece in pieces if piece.reason is None]
    if not any(_WORD.search(piece.spoken) for piece in seen):
        ornaments = [piece for piece in seen if piece.text.strip()]
        return [], skips + [_skip(piece, SkipReason.ORNAMENT) for piece in ornaments]
    first = seen[0].context
    if len(seen) == 1 and first == _PLAIN:
        return [_block(BlockKind.PARAGRAPH, seen)], skips
    lines = list(_lines(seen))
    if first.is_pre and SkipReason.CODE not in spoken and _is_code(seen, lines):
        code = Skip(start=seen[0].start, end=seen[-1].end, reason=SkipReason.CODE)
        return [], [*_outside(skips, code), code]
    is_heading = first.level is not None or (
        first.is_titling and sum(len(piece.text) for piece in seen) <= _LONGEST_TITLE
    )
    if is_heading:
        return [_block(BlockKind.HEADING, _with_stops(lines))], skips
    if first.stanza == 0 and (len(lines) == 1 or wraps_prose(map(_text, lines))):
        joined = [piece._replace(reading=" ") if piece.is_break else piece for piece in seen]
        return [_block(BlockKind.PARAGRAPH, joined)], skips
    return list(_verse(number, lines, first.stanza)), skips


def end_stanzas(blocks: Iterable[PageBlock]) -> Iterator[PageBlock]:
    """Turn the last line of each stanza into a paragraph."""
    pending: PageBlock | None = None
    for block in blocks:
        if pending is not None:
            is_last = pending.kind is BlockKind.LINE and pending.stanza != block.stanza
            yield replace(pending, kind=BlockKind.PARAGRAPH) if is_last else pending
        pending = block
    if pending is not None:
        is_line = pending.kind is BlockKind.LINE
        yield replace(pending, kind=BlockKind.PARAGRAPH) if is_line else pending


def _lines(pieces: list[Piece]) -> Iterator[list[Piece]]:
    """Split pieces into lines at breaks; an empty line counts as a line."""
    line: list[Piece] = []
    for piece in pieces:
        line.append(piece)
        if piece.is_break:
            yield line
            line = []
    if any(piece.text.strip() for piece in line):
        yield line


def _text(pieces: Iterable[Piece]) -> str:
    return "".join(piece.spoken for piece in pieces)


def _with_stops(lines: list[list[Piece]]) -> list[Piece]:
    """Join the lines of a heading as sentences."""
    pieces: list[Piece] = []
    for line in lines:
        for piece in line:
            if piece.is_break:
                text = _text(pieces).rstrip()
                stop = " " if not text or _ENDS.search(text) else ". "
                pieces.append(piece._replace(reading=stop))
            else:
                pieces.append(piece)
    while pieces[-1].is_break or not pieces[-1].text.strip():
        pieces.pop()
    return pieces


def wraps_prose(lines: Iterable[str]) -> bool:
    """Return whether lines only end where the page was full, unlike lines of verse."""
    texts = [text for text in map(str.strip, lines) if text]
    if len(texts) < 3 or any(len(text) > _LONGEST_LINE for text in texts):
        return False
    going_on = sum(text[0].islower() for text in texts[1:])
    return going_on * 2 > len(texts) and sum(map(len, texts)) / len(texts) > 45


def _is_code(pieces: list[Piece], lines: list[list[Piece]]) -> bool:
    marked = sum(len(piece.text) for piece in pieces if piece.context.is_code)
    if marked * 2 > sum(len(piece.text) for piece in pieces):
        return True
    texts = [text for text in map(_text, lines) if text.strip()]
    return sum(_CODE_LINE.search(text) is not None for text in texts) * 2 > len(texts)


def _verse(number: int, lines: list[list[Piece]], stanza: int) -> Iterator[PageBlock]:
    """Return lines as blocks; an empty line ends a stanza."""
    part = 0
    is_single = len(lines) == 1
    for line in lines:
        text = _text(line)
        if not _WORD.search(text):
            part += 1
            continue
        is_verse = len(text) <= _LONGEST_LINE
        kind = BlockKind.LINE if is_verse else BlockKind.PARAGRAPH
        place = (-stanza, 0) if is_single and stanza else (number, part)
        visible = [piece for piece in line if not piece.is_break]
        yield replace(_block(kind, visible), stanza=place if is_verse else None)


def _block(kind: BlockKind, pieces: list[Piece]) -> PageBlock:
    first = pieces[0].context
    return PageBlock(
        kind=kind,
        runs=tuple(_runs(pieces)),
        text=" ".join(_text(pieces).split()),
        level=first.level,
        language=_language(pieces),
        linked_chars=sum(len(piece.text) for piece in pieces if piece.context.is_linked),
    )


def _runs(pieces: list[Piece]) -> Iterator[Run]:
    """Turn pieces into runs, joining neighbours that are read as written."""
    start = end = -1
    for piece in pieces:
        if piece.reading is None and end == piece.start:
            end = piece.end
            continue
        if start >= 0:
            yield Run(start=start, end=end)
            start = end = -1
        if piece.reading is None:
            start, end = piece.start, piece.end
        else:
            yield Run(start=piece.start, end=piece.end, reading=piece.reading)
    if start >= 0:
        yield Run(start=start, end=end)


def _language(pieces: list[Piece]) -> str | None:
    """Return the language of most of the text."""
    if len(pieces) == 1:
        return pieces[0].context.language
    counts = Counter[str | None]()
    for piece in pieces:
        counts[piece.context.language] += len(piece.text.strip())
    return max(counts, key=lambda language: counts[language])


def _skip(piece: Piece, reason: SkipReason) -> Skip:
    return Skip(start=piece.start, end=piece.end, reason=reason)


def _outside(skips: list[Skip], whole: Skip) -> list[Skip]:
    return [skip for skip in skips if skip.end <= whole.start or skip.start >= whole.end]
