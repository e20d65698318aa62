"""Inline markdown tokens -> their places in the text, since markdown-it records no columns."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from markdown_it.common.utils import normalizeReference
from markdown_it.helpers import parseLinkDestination, parseLinkTitle
from markdown_it.token import Token

from narration.documents.markdown_hidden import hidden_places
from narration.documents.markdown_math import say_formula
from narration.documents.marks import as_power, is_raised_mark
from narration.documents.types import SkipReason

_FOOTNOTE_MARK = re.compile(r"\[\^[^\]\s]+\]")
_BREAK = re.compile(r"<br\b", re.IGNORECASE)
_TASK = re.compile(r"\[[ xX]\](?=[ \t])")
_SPACES = re.compile(r"\s*")


class Piece(NamedTuple):
    """content[start:end], read aloud (as `reading`, if given) unless there is a reason not to.

    `ends_line`: the author ended the line here, rather than wrapping it.
    """

    start: int
    end: int
    reading: str | None
    reason: SkipReason | None
    ends_line: bool = False
    is_linked: bool = False  # it links to another place in the text


def align(
    content: str, tokens: list[Token], references: Mapping[str, Any], *, reads_images: bool = False
) -> list[Piece] | None:
    """Return the pieces of an inline text in order; None if the tokens do not match the text.

    An image is skipped, or read by its text.
    """
    pieces: list[Piece] = []
    cursor = 0
    is_linked = False
    for token in tokens:
        if token.type in {"link_open", "link_close"}:
            is_linked = str(token.attrGet("href") or "").startswith("#")
        located = _locate(content, cursor, token, references)
        if located is None:
            return None
        piece, cursor = located
        if piece is not None:
            piece = piece._replace(is_linked=is_linked)
            pieces += _split_footnotes(content, piece) if token.type == "text" else [piece]
    if reads_images:
        pieces = list(_with_images_read(content, pieces))
    _hide(content, pieces)
    return list(_raised(content, pieces)) if "<sup>" in content else pieces


def _hide(content: str, pieces: list[Piece]) -> None:
    """Skip text in elements that are not shown."""
    tags = (
        (index, content[piece.start : piece.end])
        for index, piece in enumerate(pieces)
        if piece.reason is SkipReason.HTML
    )
    for first, last in hidden_places(tags):
        for index in range(first + 1, last):
            if pieces[index].reason is None:
                pieces[index] = pieces[index]._replace(reason=SkipReason.HIDDEN)


def _raised(content: str, pieces: list[Piece]) -> Iterator[Piece]:
    """Distinguish powers from note references between <sup> and </sup>."""
    is_raised = False
    before = ""
    for piece in pieces:
        text = content[piece.start : piece.end]
        if piece.reason is SkipReason.HTML:
            is_raised = text.lower() == "<sup>"
        elif is_raised and piece.reason is None and piece.reading is None:
            if is_raised_mark(text, before):
                yield piece._replace(reason=SkipReason.NOTE_MARK)
            else:
                yield piece._replace(reading=as_power(text))
            continue
        elif piece.reason is None:
            before = text if piece.reading is None else piece.reading
        yield piece


def _ending_line(located: tuple[Piece | None, int] | None) -> tuple[Piece | None, int] | None:
    if located is None or located[0] is None:
        return located
    return located[0]._replace(ends_line=True), located[1]


def _locate(
    content: str, cursor: int, token: Token, references: Mapping[str, Any]
) -> tuple[Piece | None, int] | None:
    """Return the piece for a token and the place after it; None if it is not found."""
    match token.type:
        case "text":
            place = _find(content, cursor, token.content, None, None)
        case "html_inline":
            place = _find(content, cursor, token.content, None, SkipReason.HTML)
            place = _ending_line(place) if _BREAK.match(token.content) else place
        case "text_special":
            place = _find(content, cursor, token.markup, token.content, None)
        case "math":
            place = _find(content, cursor, token.content, *say_formula(token))
        case "softbreak":
            place = _find(content, cursor, "\n", None, None)
        case "hardbreak":
            place = _ending_line(_find(content, cursor, "\n", None, None))
        case "code_inline":
            place = _locate_code(content, cursor, token.markup)
        case "image":
            place = _locate_image(content, cursor, references)
        case "link_close":
            place = _locate_link_end(content, cursor, token, references)
        case _:
            place = _pass_mark(content, cursor, "<" if token.info == "auto" else token.markup)
    return place


def _find(
    content: str, cursor: int, text: str, reading: str | None, reason: SkipReason | None
) -> tuple[Piece | None, int] | None:
    start = content.find(text, cursor)
    if start < 0:
        return None
    end = start + len(text)
    return (Piece(start, end, reading, reason) if text else None), end


def _pass_mark(content: str, cursor: int, mark: str) -> tuple[None, int] | None:
    start = content.find(mark, cursor)
    return None if start < 0 else (None, start + len(mark))


def _locate_code(content: str, cursor: int, fence: str) -> tuple[Piece | None, int] | None:
    """Read inline code literally: in prose it is a name or a word."""
    opening = content.find(fence, cursor)
    closing = re.compile(rf"(?<!`){fence}(?!`)").search(content, opening + len(fence))
    if opening < 0 or closing is None:
        return None
    return Piece(opening + len(fence), closing.start(), None, None), closing.end()


def _locate_image(
    content: str, cursor: int, references: Mapping[str, Any]
) -> tuple[Piece | None, int] | None:
    start = content.find("![", cursor)
    if start < 0:
        return None
    end = _link_end(content, _label_end(content, start + 2), references)
    return Piece(start, end, None, SkipReason.IMAGE), end


def _with_images_read(content: str, pieces: list[Piece]) -> Iterator[Piece]:
    """Read images by their text, without the surrounding marks and the target."""
    for piece in pieces:
        if piece.reason is not SkipReason.IMAGE:
            yield piece
            continue
        first, last = piece.start + 2, _label_end(content, piece.start + 2) - 1
        yield piece._replace(end=first, reason=SkipReason.MARKUP)
        yield piece._replace(start=first, end=last, reason=None)
        yield piece._replace(start=last, reason=SkipReason.LINK_TARGET)


def is_image_alone(tokens: list[Token]) -> bool:
    """Return whether the text of images is all there is to read."""
    kinds = {token.type for token in tokens if token.content.strip()}
    return kinds == {"image"}


def _locate_link_end(
    content: str, cursor: int, token: Token, references: Mapping[str, Any]
) -> tuple[Piece | None, int] | None:
    if token.info == "auto":
        return None, cursor + 1
    start = content.find("]", cursor)
    if start < 0:
        return None
    end = _link_end(content, start + 1, references)
    return Piece(start, end, None, SkipReason.LINK_TARGET), end


def _label_end(content: str, position: int) -> int:
    """Return the place after the bracket that closes a label opened before `position`."""
    depth = 1
    while position < len(content) and depth:
        if content[position] == "\\":
            position += 1
        depth += {"[": 1, "]": -1}.get(content[position : position + 1], 0)
        position += 1
    return min(position, len(content))


def _link_end(content: str, position: int, references: Mapping[str, Any]) -> int:
    """Return the place after a link's target, which begins at `position`; there may be none."""
    if content.startswith("(", position):
        end = _inline_target_end(content, position + 1)
        if end is not None:
            return end
    if content.startswith("[", position):
        closing = content.find("]", position)
        label = content[position + 1 : closing]
        if closing > 0 and (not label or normalizeReference(label) in references):
            return closing + 1
    return position


def _inline_target_end(content: str, position: int) -> int | None:
    position = _skip_space(content, position)
    target = parseLinkDestination(content, position, len(content))
    if target.ok:
        position = _skip_space(content, target.pos)
        title = parseLinkTitle(content, position, len(content))
        if title.ok:
            position = _skip_space(content, title.pos)
    return position + 1 if content.startswith(")", position) else None


def _skip_space(content: str, position: int) -> int:
    match = _SPACES.match(content, position)
    return match.end() if match else position


def without_task(content: str, pieces: list[Piece]) -> list[Piece]:
    """Remove the box of a task list item, as in "[x] Wash the pots"."""
    box = _TASK.match(content)
    if box is None:
        return pieces
    kept = [piece._replace(start=max(piece.start, box.end())) for piece in pieces]
    return [
        Piece(0, box.end(), None, SkipReason.MARKUP),
        *(piece for piece in kept if piece.start < piece.end),
    ]


def _split_footnotes(content: str, piece: Piece) -> Iterator[Piece]:
    position = piece.start
    for mark in _FOOTNOTE_MARK.finditer(content, piece.start, piece.end):
        if position < mark.start():
            yield piece._replace(start=position, end=mark.start())
        yield Piece(mark.start(), mark.end(), None, SkipReason.NOTE_MARK)
        position = mark.end()
    if position < piece.end:
        yield piece._replace(start=position)


def by_line(content: str, piece: Piece) -> Iterator[Piece]:
    """Split a piece into lines, since there may be quote marks between them in the source."""
    start = piece.start
    while (newline := content.find("\n", start, piece.end)) >= 0 and newline + 1 < piece.end:
        yield piece._replace(start=start, end=newline + 1)
        start = newline + 1
        while start < piece.end and content[start].isspace():
            start += 1
    if start < piece.end:
        yield piece._replace(start=start)
