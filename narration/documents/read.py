"""Bytes -> document: choose the reader, refuse what cannot be narrated."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePath

from narration.documents.chapters import names_chapter
from narration.documents.decode import decode_text
from narration.documents.epub import read_epub
from narration.documents.gather import Reading
from narration.documents.markdown import read_markdown
from narration.documents.plain.reader import read_plain
from narration.documents.types import BlockKind, Chapter, Document, SkipReason
from narration.errors import DocumentError

PLAIN, MARKDOWN, EPUB = "text/plain", "text/markdown", "application/epub+zip"
_BY_ENDING = {
    "": PLAIN,
    ".txt": PLAIN,
    ".text": PLAIN,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".epub": EPUB,
}
_OPENING_CHARS, _OPENING_WORDS = 80, 8  # of a chapter without a title
MAX_BYTES = 16 * 1024 * 1024  # War and Peace, five times over


def read_document(
    data: bytes,
    *,
    name: str | None = None,
    media_type: str | None = None,
    max_bytes: int = MAX_BYTES,
    spoken: frozenset[SkipReason] = frozenset(),
) -> Document:
    """Read a text; its media type, or else the ending of its name, says what it is.

    The limit counts text: the pictures of an e-book do not count. What is commonly skipped is
    read if its reason is in `spoken`.
    Raises: DocumentError for a type that is not read, too much, nothing, or nothing to say.
    """
    kind = _kind(name, media_type)
    what = f'"{PurePath(name).name}"' if name else "the text"
    if kind != EPUB and len(data) > max_bytes:
        raise DocumentError(
            f"{what} has {len(data):,} bytes but the limit is {max_bytes:,}: send it in parts"
        )
    if not data.strip():
        fault = "holds only white space" if data else "is empty"
        raise DocumentError(f"{what} {fault}: send a text with words")
    if kind == EPUB:
        document = read_epub(data, what=what, max_chars=max_bytes, spoken=spoken)
    else:
        document = _read_text(data, kind, what, spoken)
    document = replace(document, chapters=tuple(_titled(document)))
    if not any(character.isalnum() for character in document.source):
        raise DocumentError(
            f"{what} has no letters or digits, only punctuation or symbols: send a text with words"
        )
    return document


def _read_text(data: bytes, kind: str, what: str, spoken: frozenset[SkipReason]) -> Document:
    source, encoding = decode_text(data, what=what)
    reading = read_markdown(source, spoken) if kind == MARKDOWN else read_plain(source, spoken=spoken)
    return Document(
        source=source,
        media_type=kind,
        encoding=encoding,
        metadata=replace(
            reading.metadata,
            title=reading.metadata.title or _first_heading(source, reading),
        ),
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
    """Take the heading a text opens with for its title."""
    if not reading.chapters:
        return None
    opening = reading.chapters[0].blocks[0]
    if opening.kind is not BlockKind.HEADING:
        return None
    text = " ".join("".join(source[run.start : run.end] for run in opening.runs).split())
    return None if names_chapter(text) else text


def _kind(name: str | None, media_type: str | None) -> str:
    if media_type:
        essence = media_type.partition(";")[0].strip().lower()
        if essence == "text/x-markdown":
            return MARKDOWN
        if essence in {PLAIN, MARKDOWN, EPUB}:
            return essence
        if essence != "application/octet-stream":
            raise DocumentError(
                f'media type "{essence}" is not read: send {PLAIN}, {MARKDOWN} or {EPUB}'
            )
    ending = PurePath(name or "").suffix.lower()
    if ending not in _BY_ENDING:
        raise DocumentError(
            f'"{PurePath(name or "").name}" ends in {ending}, which is not read: '
            "send a .txt, .md or .epub file"
        )
    return _BY_ENDING[ending]
