"""Bytes -> document: choose the reader, and refuse what cannot be narrated."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath

from narration.documents.chapters import names_chapter
from narration.documents.decode import decode_text
from narration.documents.docx import read_docx
from narration.documents.epub import read_epub
from narration.documents.facts import tidy
from narration.documents.fb2 import read_fb2
from narration.documents.gather import Reading
from narration.documents.html import read_html
from narration.documents.kinds import Kind, detect_kind
from narration.documents.markdown import read_markdown
from narration.documents.pdf import read_pdf
from narration.documents.plain.reader import read_plain
from narration.documents.ssml import read_ssml
from narration.documents.types import BlockKind, Chapter, Document, SkipReason
from narration.errors import DocumentError

# Formats that contain pictures or markup: their readers limit the text, not the file size.
_READERS = {
    Kind.EPUB: read_epub,
    Kind.HTML: read_html,
    Kind.DOCX: read_docx,
    Kind.FB2: read_fb2,
    Kind.PDF: read_pdf,
    Kind.SSML: read_ssml,
}
_OPENING_CHARS, _OPENING_WORDS = 80, 8  # of a chapter without a title
MAX_BYTES = 16 * 1024 * 1024  # five times War and Peace


def read_document(
    data: bytes,
    *,
    name: str | None = None,
    media_type: str | None = None,
    max_bytes: int = MAX_BYTES,
    spoken: frozenset[SkipReason] = frozenset(),
) -> Document:
    """Read a text in the format its first bytes show, or else its media type or file extension.

    The limit applies to text: pictures in an e-book do not count. Text that is normally skipped is
    read if its reason is in `spoken`.
    Raises: DocumentError for an unsupported type, too much text, none, or nothing to speak.
    """
    what = f'"{PurePath(name).name}"' if name else "the text"
    if not data.strip():
        fault = "holds only white space" if data else "is empty"
        raise DocumentError(f"{what} {fault}: send a text with words")
    kind = detect_kind(data, name=name, media_type=media_type, what=what)
    reader = _READERS.get(kind)
    if reader is not None:
        document = reader(data, what=what, max_chars=max_bytes, spoken=spoken)
    elif len(data) > max_bytes:
        raise DocumentError(
            f"{what} has {len(data):,} bytes but the limit is {max_bytes:,}: send it in parts"
        )
    else:
        document = _read_text(data, kind, what, spoken)
    document = replace(document, chapters=tuple(_titled(document)))
    if not any(character.isalnum() for character in document.source):
        raise DocumentError(
            f"{what} has no letters or digits, only punctuation or symbols: send a text with words"
        )
    return document


def _read_text(data: bytes, kind: Kind, what: str, spoken: frozenset[SkipReason]) -> Document:
    source, encoding = decode_text(data, what=what)
    is_markdown = kind is Kind.MARKDOWN
    reading = read_markdown(source, spoken) if is_markdown else read_plain(source, spoken=spoken)
    metadata = tidy(reading.metadata)
    return Document(
        source=source,
        media_type=kind.value,
        encoding=encoding,
        metadata=replace(metadata, title=metadata.title or _first_heading(source, reading)),
        chapters=reading.chapters,
        skips=reading.skips,
        remarks=reading.remarks,
    )


def _titled(document: Document) -> Iterator[Chapter]:
    """Give each chapter a title: its own, the work's, or its first words."""
    for chapter in document.chapters:
        title = chapter.title or document.title
        if not title:
            runs = chapter.blocks[0].runs[:_OPENING_WORDS]
            words = "".join(document.source[run.start : run.end][:_OPENING_CHARS] for run in runs)
            title = " ".join(words.split()[:_OPENING_WORDS])
        yield replace(chapter, title=title)


def _first_heading(source: str, reading: Reading) -> str | None:
    """Return the heading at the beginning of a text, which is its title."""
    if not reading.chapters or reading.opens_with_chapter:
        return None
    opening = reading.chapters[0].blocks[0]
    if opening.kind is not BlockKind.HEADING:
        return None
    text = " ".join("".join(source[run.start : run.end] for run in opening.runs).split())
    return None if names_chapter(text) else text
