"""Bytes -> document: choose the reader, refuse what cannot be narrated."""

from pathlib import PurePath

from narration.documents.decode import decode_text
from narration.documents.markdown import read_markdown
from narration.documents.plain import read_plain
from narration.documents.types import Document
from narration.errors import DocumentError

PLAIN, MARKDOWN = "text/plain", "text/markdown"
_BY_ENDING = {
    "": PLAIN,
    ".txt": PLAIN,
    ".text": PLAIN,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
}
MAX_BYTES = 16 * 1024 * 1024  # War and Peace, five times over


def read_document(
    data: bytes,
    *,
    name: str | None = None,
    media_type: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> Document:
    """Read a text; its media type, or else the ending of its name, says what it is.

    Raises: DocumentError for a type that is not read, too much, nothing, or nothing to say.
    """
    kind = _kind(name, media_type)
    what = f'"{PurePath(name).name}"' if name else "the text"
    if len(data) > max_bytes:
        raise DocumentError(
            f"{what} has {len(data):,} bytes but the limit is {max_bytes:,}: send it in parts"
        )
    source, encoding = decode_text(data, what=what)
    if not source.strip():
        raise DocumentError(
            f"{what} is empty: send a text with words"
            if not source
            else f"{what} holds only white space: send a text with words"
        )
    if not any(character.isalnum() for character in source):
        raise DocumentError(
            f"{what} has no letters or digits, only punctuation or symbols: send a text with words"
        )
    read = read_markdown if kind == MARKDOWN else read_plain
    chapters, skips = read(source)
    title = next((chapter.title for chapter in chapters if chapter.title), None)
    return Document(
        source=source, media_type=kind, encoding=encoding, title=title, author=None,
        chapters=chapters, skips=skips,
    )  # fmt: skip


def _kind(name: str | None, media_type: str | None) -> str:
    if media_type:
        essence = media_type.partition(";")[0].strip().lower()
        if essence == "text/x-markdown":
            return MARKDOWN
        if essence in {PLAIN, MARKDOWN}:
            return essence
        if essence != "application/octet-stream":
            raise DocumentError(f'media type "{essence}" is not read: send {PLAIN} or {MARKDOWN}')
    ending = PurePath(name or "").suffix.lower()
    if ending not in _BY_ENDING:
        raise DocumentError(
            f'"{PurePath(name or "").name}" ends in {ending}, which is not read: '
            "send a .txt or .md file"
        )
    return _BY_ENDING[ending]
