"""Which kind of document some bytes are; the content takes precedence over the name."""

import io
import re
import zipfile
from enum import StrEnum
from pathlib import PurePath

from narration.errors import DocumentError


class Kind(StrEnum):
    """A supported format, by its media type."""

    PLAIN = "text/plain"
    MARKDOWN = "text/markdown"
    HTML = "text/html"
    EPUB = "application/epub+zip"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    FB2 = "application/x-fictionbook+xml"
    PDF = "application/pdf"
    SSML = "application/ssml+xml"


ENDINGS = {
    "": Kind.PLAIN,
    ".txt": Kind.PLAIN,
    ".text": Kind.PLAIN,
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".htm": Kind.HTML,
    ".html": Kind.HTML,
    ".xhtml": Kind.HTML,
    ".epub": Kind.EPUB,
    ".docx": Kind.DOCX,
    ".fb2": Kind.FB2,
    ".fbz": Kind.FB2,
    ".pdf": Kind.PDF,
    ".ssml": Kind.SSML,
}
_MEDIA_TYPES = {kind.value: kind for kind in Kind} | {
    "text/x-markdown": Kind.MARKDOWN,
    "application/xhtml+xml": Kind.HTML,
    "application/x-fictionbook": Kind.FB2,
    "application/fb2": Kind.FB2,
    "text/fb2+xml": Kind.FB2,
    "application/x-zip-compressed-fb2": Kind.FB2,
    "application/x-pdf": Kind.PDF,
    "text/ssml": Kind.SSML,
}
# Media types that say nothing: the content or the file extension decides.
_VAGUE = frozenset(
    {
        "application/octet-stream",
        "application/zip",
        "application/xml",
        "text/xml",
        "application/x-zip-compressed",
    }
)
# Kinds that must be text; anything else under their name is an error.
_TEXTUAL = frozenset({Kind.PLAIN, Kind.MARKDOWN, Kind.HTML, Kind.SSML, Kind.FB2})
_LOOKS = {
    Kind.EPUB: ("e-book", "it is not a ZIP archive"),
    Kind.DOCX: ("Word document", "it is not a ZIP archive"),
    Kind.PDF: ("PDF", "it does not begin as one"),
}
_HEAD = 4096
_PDF = re.compile(rb"%PDF-\d")
_SPACE_AND_PROLOG = re.compile(
    r"(?:\s+|<\?xml[^>]{0,200}\?>|<\?[^>]{0,400}\?>|<!--(?:[^-]|-(?!->)){0,2000}-->"
    r"|<!DOCTYPE(?!\s+html)[^>\[]{0,300}>)*",
    re.IGNORECASE,
)
_ROOTS = (
    (Kind.HTML, re.compile(r"<!DOCTYPE\s+html|<html[\s>]", re.IGNORECASE)),
    (Kind.SSML, re.compile(r"<(?:\w+:)?speak[\s>]", re.IGNORECASE)),
    (Kind.FB2, re.compile(r"<(?:\w+:)?FictionBook[\s>]")),
)
# A fragment of a page without its root: elements with opening and closing tags, or a head.
_FRAGMENT = re.compile(
    r"<(?:meta|link|base)\s[^>]{1,500}>\s*<"
    r"|<(?P<tag>p|div|h[1-6]|article|section|head|body|main|title|style|header|figure|center"
    r"|ul|ol|dl|table|blockquote)(?:\s[^>]{0,500})?>"
    r".{1,4000}</(?P=tag)>",
    re.IGNORECASE | re.DOTALL,
)
_REFUSED = {
    "word/": "a Word file that is damaged: save it again as .docx",
    "content.xml": "an OpenDocument text: save it as .docx, .html or .txt",
    "xl/": "a spreadsheet: save what should be read as text",
    "ppt/": "a presentation: save what should be read as text",
}


def detect_kind(data: bytes, *, name: str | None, media_type: str | None, what: str) -> Kind:
    """Return the kind of a document: by its first bytes, or else by media type or file extension.

    Raises: DocumentError for an unsupported kind, saying what to send instead.
    """
    declared = _declared_kind(name, media_type)
    kind = _by_content(data, declared, what)
    if kind is not None:
        return kind
    if declared is None:
        raise _unknown(name, media_type)
    if declared not in _TEXTUAL:
        noun, lack = _LOOKS[declared]
        raise DocumentError(
            f"{what} is a damaged {noun} ({lack}): convert or fetch it again, or rename it to "
            "what it is"
        )
    return declared


def _declared_kind(name: str | None, media_type: str | None) -> Kind | None:
    """Return the kind declared by the media type or the name; None if neither declares one."""
    essence = (media_type or "").partition(";")[0].strip().lower()
    if essence in _MEDIA_TYPES:
        return _MEDIA_TYPES[essence]
    if essence and essence not in _VAGUE:
        return None
    path = PurePath((name or "").lower())
    if path.suffixes[-2:] == [".fb2", ".zip"]:
        return Kind.FB2
    return ENDINGS.get(path.suffix)


def _unknown(name: str | None, media_type: str | None) -> DocumentError:
    essence = (media_type or "").partition(";")[0].strip().lower()
    if essence and essence not in _VAGUE:
        kinds = ", ".join(kind.value for kind in Kind)
        return DocumentError(f'media type "{essence}" is not read: send one of {kinds}')
    path = PurePath(name or "")
    endings = ", ".join(ending for ending in ENDINGS if ending)
    return DocumentError(
        f'"{path.name}" ends in {path.suffix.lower()}, which is not read: send one of {endings}'
    )


def is_compressed(data: bytes) -> bool:
    """Return whether these bytes may hold much more text: a few KB of such may take seconds."""
    return data.startswith(b"PK") or _PDF.search(data, 0, _HEAD // 4) is not None


def _by_content(data: bytes, declared: Kind | None, what: str) -> Kind | None:
    if _PDF.search(data, 0, _HEAD // 4):
        return Kind.PDF
    if data.startswith(b"PK\x03\x04"):
        return _in_archive(data, what)
    head = _head_text(data)
    start = _SPACE_AND_PROLOG.match(head)
    position = start.end() if start else 0
    if head[position : position + 1] != "<":
        return None
    kind = next((kind for kind, root in _ROOTS if root.match(head, position)), None)
    if kind is None and declared in {None, Kind.PLAIN} and _FRAGMENT.match(head, position):
        return Kind.HTML
    return kind


def _head_text(data: bytes) -> str:
    """Return the first characters if they are text in an encoding that markup uses."""
    head = data[:_HEAD]
    if head[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return head[: len(head) // 2 * 2].decode("utf-16", errors="replace")
    return head.decode("utf-8-sig", errors="replace")


def _in_archive(data: bytes, what: str) -> Kind:
    """Return the kind of a ZIP archive, by the names of its files.

    Raises: DocumentError if it is not a supported one.
    """
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError) as error:
        raise DocumentError(
            f"{what} is damaged (it begins as a ZIP archive but is not a ZIP archive): "
            "fetch or save it again"
        ) from error
    known = {name.replace("\\", "/").removeprefix("./") for name in names}
    if "META-INF/container.xml" in known or ("mimetype" in known and "content.xml" not in known):
        return Kind.EPUB
    if "word/document.xml" in known:
        return Kind.DOCX
    if any(name.lower().endswith(".fb2") for name in known):
        return Kind.FB2
    for prefix, kind in _REFUSED.items():
        if any(name.startswith(prefix) for name in known):
            raise DocumentError(f"{what} is {kind}")
    raise DocumentError(
        f"{what} is a ZIP archive without a document that can be read: send the .epub, .docx or "
        "text file itself"
    )
