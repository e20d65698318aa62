"""FB2 -> document: its sections as headings and paragraphs of a page, without the notes."""

import base64
import binascii

from lxml import etree

from narration.documents.archive import Archive
from narration.documents.decode import decode_page
from narration.documents.html import page_document
from narration.documents.kinds import Kind
from narration.documents.tree import attribute, local_name, parse_xml
from narration.documents.types import Cover, Document, Identifier, Metadata, Series, SkipReason
from narration.errors import DocumentError

_NOTHING: frozenset[SkipReason] = frozenset()
_MAX_COVER_CHARS = 24 * 1024 * 1024
_NOTE_BODIES = frozenset({"notes", "footnotes", "comments"})
_NAMES = {
    "p": "p",
    "v": "div",
    "stanza": "div",
    "poem": "div",
    "cite": "blockquote",
    "epigraph": "blockquote",
    "annotation": "div",
    "subtitle": "h6",
    "text-author": "p",
    "emphasis": "em",
    "strong": "strong",
    "strikethrough": "s",
    "code": "code",
    "sub": "sub",
    "sup": "sup",
    "table": "table",
    "tr": "tr",
    "td": "td",
    "th": "th",
    "a": "a",
    "date": "p",
    "title": "p",  # of the book, before its first chapter
    "empty-line": "hr",
}
_TITLES = frozenset({"h1", "h2", "h3", "h4", "h5", "p"})
_CLASSES = {"title": "title", "v": "line", "stanza": "stanza", "poem": "poem"}
_DEEPEST_HEADING = 5


def read_fb2(
    data: bytes, *, what: str, max_chars: int, spoken: frozenset[SkipReason] = _NOTHING
) -> Document:
    """Read a FictionBook, packed or not; `source` is its text.

    Raises: DocumentError if it is damaged, too large, or has no text.
    """
    markup = _unpacked(data, what) if data.startswith(b"PK") else data
    root = parse_xml(decode_page(markup, what=what), what=what)
    facts = _facts(root)
    page = _page(root)
    return page_document(
        page,
        what=what,
        media_type=Kind.FB2.value,
        metadata=facts,
        max_chars=max_chars,
        spoken=spoken,
    )


def _unpacked(data: bytes, what: str) -> bytes:
    archive = Archive(data, what, "FictionBook")
    names = [name for name in archive.names if name.lower().endswith(".fb2")]
    if len(names) != 1:
        raise DocumentError(f"{what} holds {len(names)} FictionBooks: send one at a time")
    return archive.read(names[0])


def _page(book: etree._Element) -> etree._Element:
    """Build the page from known elements only, in one walk without recursion."""
    html = etree.Element("html")
    body = etree.SubElement(html, "body")
    for child in book:
        if local_name(child) != "body":
            continue
        target = etree.SubElement(body, "div")
        if attribute(child, "name").lower() in _NOTE_BODIES:
            target.set("role", "doc-endnotes")
        _copy(child, target)
    return html


def _copy(source: etree._Element, target: etree._Element) -> None:
    """Copy the contents of an element under the corresponding HTML names."""
    copies: dict[etree._Element, etree._Element] = {source: target}
    levels: dict[etree._Element, int] = {source: 0}
    target.text = source.text
    for element in source.iterdescendants():
        parent = element.getparent()
        if parent is None or parent not in copies:
            continue
        name = local_name(element)
        if name in {"image", "binary", "stylesheet"}:
            _add_tail(copies[parent], element.tail)
            continue
        levels[element] = levels[parent] + (name == "section")
        copies[element] = copy = _new(element, name, levels[element], copies[parent])
        copy.text = element.text
        copy.tail = element.tail


def _new(element: etree._Element, name: str, level: int, parent: etree._Element) -> etree._Element:
    """Create the page element that corresponds to an element of the book."""
    if name == "title" and level:
        return etree.SubElement(parent, f"h{min(level, _DEEPEST_HEADING)}")
    if name == "p" and parent.tag in _TITLES:
        if len(parent):
            etree.SubElement(parent, "br")
        return etree.SubElement(parent, "span")
    copy = etree.SubElement(parent, _NAMES.get(name, "div"))
    if name in _CLASSES:
        copy.set("class", _CLASSES[name])
    if name == "a" and attribute(element, "type") == "note":
        copy.set("role", "doc-noteref")
    for key in ("lang", "href", "id"):
        if attribute(element, key):
            copy.set(key, attribute(element, key))
    return copy


def _add_tail(parent: etree._Element, tail: str | None) -> None:
    if not tail:
        return
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail


def _facts(book: etree._Element) -> Metadata:
    """Collect the metadata in the description."""
    about = _find(book, "title-info")
    published = _find(book, "publish-info")
    if about is None:
        return Metadata()
    series = _sequence(about) or (_sequence(published) if published is not None else None)
    annotation = _find(about, "annotation")
    isbn = _text_of(published, "isbn") if published is not None else None
    written = _find(about, "date")
    return Metadata(
        title=_text_of(about, "book-title"),
        authors=tuple(filter(None, (_name(e) for e in about if _is(e, "author")))),
        language=_text_of(about, "lang"),
        date=_date(written) or (_text_of(published, "year") if published is not None else None),
        publisher=_text_of(published, "publisher") if published is not None else None,
        description=_words(annotation) if annotation is not None else None,
        series=series,
        identifiers=(Identifier(scheme="isbn", value=isbn),) if isbn else (),
        cover=_cover(book, about),
    )


def _sequence(about: etree._Element) -> Series | None:
    """Return the series of the work or of this edition."""
    element = next((s for s in about.iter() if _is(s, "sequence") and s.get("name")), None)
    if element is None:
        return None
    return Series(name=str(element.get("name")), position=element.get("number"))


def _date(element: etree._Element | None) -> str | None:
    return None if element is None else attribute(element, "value") or _words(element) or None


def _name(author: etree._Element) -> str:
    parts = [_text_of(author, name) for name in ("first-name", "middle-name", "last-name")]
    return " ".join(part for part in parts if part) or _text_of(author, "nickname") or ""


def _cover(book: etree._Element, about: etree._Element) -> Cover | None:
    page = _find(about, "coverpage")
    image = next((e for e in page.iter() if _is(e, "image")), None) if page is not None else None
    name = attribute(image, "href").removeprefix("#") if image is not None else ""
    for binary in book:
        if name and _is(binary, "binary") and binary.get("id") == name and binary.text:
            if len(binary.text) > _MAX_COVER_CHARS:
                return None
            try:
                data = base64.b64decode("".join(binary.text.split()), validate=True)
            except (binascii.Error, ValueError):
                return None
            return Cover(data=data, media_type=binary.get("content-type") or "image/jpeg")
    return None


def _is(element: etree._Element, name: str) -> bool:
    return local_name(element) == name


def _find(element: etree._Element, name: str) -> etree._Element | None:
    return next((each for each in element.iter() if _is(each, name)), None)


def _text_of(element: etree._Element, name: str) -> str | None:
    child = _find(element, name)
    return (_words(child) or None) if child is not None else None


def _words(element: etree._Element) -> str:
    return " ".join("".join(map(str, element.itertext())).split())
