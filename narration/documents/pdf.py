"""PDF with a text layer -> document. Best effort: a PDF says where letters are, not what they mean.

Columns are read one after the other; running heads and page numbers are skipped.
"""

import math
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import pypdfium2 as pdfium
from pypdfium2 import raw

from narration.documents.facts import tidy
from narration.documents.kinds import Kind
from narration.documents.pdf_columns import Box, TextLine, order_lines
from narration.documents.pdf_layout import PlacedLine, place_lines
from narration.documents.plain.reader import read_plain
from narration.documents.types import Document, Metadata, Remark, Skip, SkipReason
from narration.errors import DocumentError

_NOTHING: frozenset[SkipReason] = frozenset()
_MAX_PAGES = 5_000
_MAX_PAGE_CHARS = 200_000  # a newspaper page has 20,000
_DIVISIONS = frozenset({0x02, 0xAD, 0xFFFE})  # how the library marks a hyphen at the end of a line
_MEANT = dict.fromkeys(_DIVISIONS, "-")
_ANGLE_SAMPLE = 16  # one of this many words is checked for its direction
_WORD = re.compile(r"[^\s\x02\xad\ufffe]+[\x02\xad\ufffe]?")  # a hyphenated word counts as two
_LEAST_CHARS_PER_PAGE = 8  # scans have none, or only a stamp
_MAX_BOOKMARKS = 5_000
_LEAST_CHAPTERS = 2
_LONGEST_TITLE = 160
_AUTHORS = re.compile(r"\s*[;&]\s*|\s+and\s+")
_DATE = re.compile(r"D?:?(\d{4})(\d\d)?(\d\d)?")
_PDFIUM = threading.Lock()  # the library is not thread-safe


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bookmark:
    """An entry of the outline and the page it points to."""

    title: str
    page: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contents:
    pages: tuple[tuple[TextLine, ...], ...]
    bookmarks: tuple[_Bookmark, ...]
    metadata: Metadata


def read_pdf(
    data: bytes, *, what: str, max_chars: int, spoken: frozenset[SkipReason] = _NOTHING
) -> Document:
    """Read the text layer of a PDF; `source` is its text in reading order.

    Raises: DocumentError if it is damaged, protected, too large, or has no text layer.
    """
    with _PDFIUM:
        contents = _open(data, what, max_chars)
    placed = list(place_lines(contents.pages))
    source, skips, starts = _compose(placed, spoken)
    read = partial(read_plain, source, known=skips, spoken=spoken, is_laid_out=True)
    reading = read(openings=dict(_chapter_starts(placed, starts, contents.bookmarks)))
    if len(reading.chapters) < _LEAST_CHAPTERS:
        reading = read(openings=dict(_big_lines(placed, starts)))
    metadata = contents.metadata
    if metadata.title is None:
        metadata = replace(metadata, title=reading.metadata.title)
    return Document(
        source=source,
        media_type=Kind.PDF.value,
        encoding="utf-8",
        metadata=metadata,
        chapters=reading.chapters,
        skips=reading.skips,
        remarks=(
            *reading.remarks,
            Remark(text="a PDF is read as well as its layout allows: listen to a sample first"),
        ),
    )


def _open(data: bytes, what: str, max_chars: int) -> _Contents:
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        raise _cannot_open(what, error) from error
    try:
        if len(document) > _MAX_PAGES:
            raise DocumentError(
                f"{what} has {len(document):,} pages but at most {_MAX_PAGES:,} are read: "
                "send it in parts"
            )
        pages = tuple(_pages(document, what, max_chars))
        return _Contents(
            pages=pages, bookmarks=tuple(_bookmarks(document)), metadata=_facts(document)
        )
    except pdfium.PdfiumError as error:
        raise DocumentError(
            f"{what} is a damaged PDF: print it to a new PDF, or send its text"
        ) from error
    finally:
        document.close()


def _cannot_open(what: str, error: Exception) -> DocumentError:
    if "password" in str(error).lower() or "security" in str(error).lower():
        return DocumentError(f"{what} is protected by a password: send a copy without one")
    return DocumentError(f"{what} is a damaged PDF: print it to a new PDF, or send its text")


def _pages(
    document: pdfium.PdfDocument, what: str, max_chars: int
) -> Iterator[tuple[TextLine, ...]]:
    chars = 0
    for number in range(len(document)):
        page = document[number]
        try:
            boxes = _boxes(page, what, number)
        finally:
            page.close()
        chars += sum(len(box.text) for box in boxes)
        if chars > max_chars:
            raise DocumentError(
                f"{what} has more than {max_chars:,} characters of text: send it in parts"
            )
        yield tuple(line for line in order_lines(boxes) if line.text)
    if chars < _LEAST_CHARS_PER_PAGE * len(document):
        raise DocumentError(
            f"{what} has no text layer: its pages are pictures. Run a text recogniser (OCR) over "
            "it first, or send its text"
        )


def _boxes(page: pdfium.PdfPage, what: str, number: int) -> list[Box]:
    """Return the words of a page and their boxes."""
    text = page.get_textpage()
    try:
        count = text.count_chars()
        if count > _MAX_PAGE_CHARS:
            raise DocumentError(
                f"page {number + 1} of {what} has {count:,} characters, more than are read: "
                "print it to a new PDF, or send its text"
            )
        characters = _characters(text, count)
        words = list(_WORD.finditer(characters))
        turns = Counter(_quarter_turns(text, word.start()) for word in words[::_ANGLE_SAMPLE])
        turn = turns.most_common(1)[0][0] if turns else 0
        return [_word_box(text, word, turn) for word in words]
    finally:
        text.close()


def _quarter_turns(text: pdfium.PdfTextPage, index: int) -> int:
    """Return the rotation of a character: pages are often rotated along with their text."""
    clockwise = float(raw.FPDFText_GetCharAngle(text, index))
    return -round(clockwise / (math.pi / 2)) % 4


def _characters(text: pdfium.PdfTextPage, count: int) -> str:
    """Return the text of a page, one character for each that the library counts."""
    whole = str(text.get_text_range())
    if len(whole) == count:
        return whole
    codes = (raw.FPDFText_GetUnicode(text, index) for index in range(count))
    return "".join(map(_character, codes))


def _character(code: int) -> str:
    """Return a space for codes that are not characters."""
    is_valid = 0 < code <= sys.maxunicode and not 0xD800 <= code < 0xE000
    return chr(code) if is_valid else " "


def _word_box(text: pdfium.PdfTextPage, word: re.Match[str], turn: int) -> Box:
    """Return the box of a word, on the page rotated so that its lines run from left to right."""
    first, last = _corners(text, word.start()), _corners(text, word.end() - 1)
    left, bottom = min(first.left, last.left), min(first.bottom, last.bottom)
    right, top = max(first.right, last.right), max(first.top, last.top)
    for _ in range(turn):
        left, bottom, right, top = bottom, -right, top, -left
    return Box(left=left, bottom=bottom, right=right, top=top, text=word[0].translate(_MEANT))


def _corners(text: pdfium.PdfTextPage, index: int) -> raw.FS_RECTF:
    rectangle = raw.FS_RECTF()
    raw.FPDFText_GetLooseCharBox(text, index, rectangle)
    return rectangle


def _bookmarks(document: pdfium.PdfDocument) -> Iterator[_Bookmark]:
    for count, bookmark in enumerate(document.get_toc(max_depth=4)):
        if count >= _MAX_BOOKMARKS:
            return
        destination = bookmark.get_dest()
        page = destination.get_index() if destination is not None else None
        title = " ".join(bookmark.get_title().split())
        if page is not None and title:
            yield _Bookmark(title=title, page=page)


def _facts(document: pdfium.PdfDocument) -> Metadata:
    about = document.get_metadata_dict(skip_empty=True)
    created = _DATE.match(about.get("CreationDate", ""))
    author = about.get("Author", "").strip()
    facts = Metadata(
        title=" ".join(about.get("Title", "").split()) or None,
        authors=tuple(filter(None, _AUTHORS.split(author))),
        date="-".join(filter(None, created.groups())) if created else None,
        description=about.get("Subject", "").strip() or None,
    )
    return tidy(facts)


def _compose(
    placed: Sequence[PlacedLine], spoken: frozenset[SkipReason]
) -> tuple[str, list[Skip], list[int]]:
    """Write the lines one below the other; also return where each begins."""
    parts: list[str] = []
    skips: list[Skip] = []
    starts: list[int] = []
    length = 0
    for line in placed:
        lead = "\n" * (line.gap + 1) if parts else ""
        start = length + len(lead)
        starts.append(start)
        parts += [lead, line.text]
        length = start + len(line.text)
        reason = SkipReason.PAGE_NUMBER if line.is_number else SkipReason.RUNNING_HEAD
        if (line.is_number or line.is_head) and reason not in spoken:
            skips.append(Skip(start=start, end=length, reason=reason))
    return "".join(parts), skips, starts


def _chapter_starts(
    placed: Sequence[PlacedLine], starts: Sequence[int], bookmarks: Sequence[_Bookmark]
) -> Iterator[tuple[int, str]]:
    """Return the line of each bookmark: the one with its words, or its page's first."""
    by_page: dict[int, list[int]] = {}
    for index, line in enumerate(placed):
        if not (line.is_number or line.is_head):
            by_page.setdefault(line.page, []).append(index)
    for bookmark in bookmarks:
        lines = by_page.get(bookmark.page, [])
        key = _letters(bookmark.title)
        exact = [
            i
            for i in lines
            if (own := _letters(placed[i].text)) and (key.startswith(own) or own.startswith(key))
        ]
        if lines and key:
            yield starts[(exact or lines)[0]], bookmark.title


def _big_lines(placed: Sequence[PlacedLine], starts: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Treat lines in larger type as headings, joining adjacent ones."""
    index = 0
    while index < len(placed):
        end = index + 1
        if placed[index].is_big:
            while end < len(placed) and placed[end].is_big and not placed[end].gap:
                end += 1
            title = " ".join(line.text for line in placed[index:end])
            if len(title) <= _LONGEST_TITLE:
                yield starts[index], title
        index = end


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))
