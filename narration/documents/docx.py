"""DOCX -> document, through the HTML that mammoth produces: headings, lists, tables, notes."""

import io
import re
import zipfile
from dataclasses import replace
from xml.parsers.expat import ExpatError

import mammoth
from lxml import etree

from narration.documents.archive import Archive
from narration.documents.docx_hidden import HIDDEN_STYLE, hidden_styles, mark_hidden
from narration.documents.docx_layout import (
    CONTENTS_STYLE,
    HEADING_STYLE,
    mark_layout,
    read_layout_styles,
)
from narration.documents.facts import tidy
from narration.documents.html import page_document
from narration.documents.kinds import Kind
from narration.documents.tree import attribute, local_name, parse_page
from narration.documents.types import Document, Identifier, Metadata, SkipReason
from narration.errors import DocumentError

_BODY = "word/document.xml"
_CORE = "docProps/core.xml"
_STYLE_SHEET = "word/styles.xml"
_TEXT_PART = re.compile(r"word/(?:document|footnotes|endnotes|comments)\d*\.xml")
_MAX_MARKUP_BYTES = 24 * 1024 * 1024  # War and Peace has 8 MiB; mammoth keeps it all in memory
_MAX_ELEMENTS = 600_000
_MAX_DEPTH = 200
_TAG = re.compile(rb"<(/?)[A-Za-z][^<>]*?(/?)>")
_NOTHING: frozenset[SkipReason] = frozenset()
_NOTE_ITEM = re.compile(r"(?:foot|end)note-\d+|comment-\d+")
# Mappings beyond mammoth's own, such as the styles of title pages.
_STYLES = f"""
p[style-name='Title'] => p.title:fresh
p[style-name='Subtitle'] => p.subtitle:fresh
p[style-name='Heading 7'] => h6:fresh
p[style-name='Quote'] => blockquote > p:fresh
p[style-name='Intense Quote'] => blockquote > p:fresh
p[style-name='Verse'] => p.verse:fresh
p[style-name='TOC Heading'] => nav > p:fresh
p[style-name='toc 1'] => nav > p:fresh
p[style-name='toc 2'] => nav > p:fresh
p[style-name='toc 3'] => nav > p:fresh
p[style-name='TOC 1'] => nav > p:fresh
p[style-name='TOC 2'] => nav > p:fresh
p[style-name='TOC 3'] => nav > p:fresh
p[style-name='Header'] => nav > p:fresh
p[style-name='Footer'] => nav > p:fresh
p.{CONTENTS_STYLE} => nav > p:fresh
p.{HEADING_STYLE}1 => h1:fresh
p.{HEADING_STYLE}2 => h2:fresh
p.{HEADING_STYLE}3 => h3:fresh
p.{HEADING_STYLE}4 => h4:fresh
p.{HEADING_STYLE}5 => h5:fresh
p.{HEADING_STYLE}6 => h6:fresh
r.{HIDDEN_STYLE} => span.{HIDDEN_STYLE}
"""
# Everything that zipfile, the XML parser or mammoth raise for a broken file.
_DAMAGE = (
    zipfile.BadZipFile,
    ExpatError,
    KeyError,
    ValueError,
    AttributeError,
    TypeError,
    IndexError,
    OSError,
)


def read_docx(
    data: bytes, *, what: str, max_chars: int, spoken: frozenset[SkipReason] = _NOTHING
) -> Document:
    """Read a Word document; `source` is its text.

    Raises: DocumentError if it is damaged, protected, too large unpacked, or has no text.
    """
    archive = Archive(data, what, "Word document")
    _check(archive)
    facts = _facts(archive)
    try:
        html = mammoth.convert_to_html(
            io.BytesIO(_text_only(archive)),
            style_map=_STYLES,
            convert_image=mammoth.images.img_element(lambda _image: {"src": ""}),
            id_prefix="",
        )
    except (*_DAMAGE, RecursionError) as error:
        raise DocumentError(
            f"{what} is a damaged Word document: open it in a word processor and save it again"
        ) from error
    root = parse_page(f"<html><body>{html.value}</body></html>", what=what)
    _mark_parts(root)
    facts = _with_title(facts, root)
    return page_document(
        root,
        what=what,
        media_type=Kind.DOCX.value,
        metadata=facts,
        max_chars=max_chars,
        spoken=spoken,
    )


def _check(archive: Archive) -> None:
    """Refuse documents that would take minutes or gigabytes to convert."""
    body = archive.read(_BODY)
    if len(body) > _MAX_MARKUP_BYTES or body.count(b"<w:") > _MAX_ELEMENTS:
        raise DocumentError(
            f"{archive.what} has {len(body):,} bytes of markup, more than can be read: "
            "split it into several documents"
        )
    depth = deepest = 0
    for closing, empty in _TAG.findall(body):
        depth += -1 if closing else 0 if empty else 1
        deepest = max(deepest, depth)
    if deepest > _MAX_DEPTH:
        raise DocumentError(
            f"{archive.what} is nested {deepest:,} elements deep: open it in a word processor and "
            "save it again"
        )


def _text_only(archive: Archive) -> bytes:
    """Repack only the parts with text or its formatting, without pictures."""
    packed = io.BytesIO()
    sheet = archive.read(_STYLE_SHEET) if _STYLE_SHEET in archive else b""
    styles, layout = hidden_styles(sheet), read_layout_styles(sheet)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as target:
        for name in archive.names:
            if name.endswith((".xml", ".rels")):
                part = archive.read(name)
                has_text = _TEXT_PART.fullmatch(name) is not None
                part = mark_hidden(part, styles) if has_text else part
                target.writestr(name, mark_layout(part, layout) if name == _BODY else part)
    return packed.getvalue()


def _facts(archive: Archive) -> Metadata:
    """Read title, authors, language, date and description from the document properties."""
    if _CORE not in archive:
        return Metadata()
    try:
        core = archive.xml(_CORE)
    except DocumentError:  # the text can be read without it
        return Metadata()
    values = {
        local_name(element): " ".join(element.text.split())
        for element in core.iter()
        if element.text and element.text.strip()
    }
    authors = re.split(r"\s*;\s*", values.get("creator", ""))
    identifier = values.get("identifier")
    facts = Metadata(
        title=values.get("title"),
        authors=tuple(author for author in authors if author),
        language=values.get("language"),
        date=values.get("created", "")[:10] or None,
        description=values.get("description"),
        identifiers=(Identifier(scheme="", value=identifier),) if identifier else (),
    )
    is_template = "generated by python-docx" in values.get("description", "")
    return tidy(replace(facts, date=None) if is_template else facts)


def _with_title(facts: Metadata, root: etree._Element) -> Metadata:
    """Take the title from the text if the properties have none.

    If a document has several titles, they are the style of its chapters.
    """
    titles = [
        element
        for element in root.iter()
        if local_name(element) == "p" and attribute(element, "class") == "title"
    ]
    if len(titles) > 1:
        for element in titles:
            element.tag = "h1"
    if len(titles) != 1 or facts.title:
        return facts
    title = " ".join("".join(map(str, titles[0].itertext())).split())
    return replace(facts, title=title or facts.title)


def _mark_parts(root: etree._Element) -> None:
    """Mark hidden text, the lists of notes at the end, and the references to them."""
    for element in root.iter():
        name = local_name(element)
        if (name == "li" and _NOTE_ITEM.fullmatch(attribute(element, "id"))) or (
            name == "dd" and _NOTE_ITEM.fullmatch(attribute(element, "id"))
        ):
            element.set("role", "doc-endnote")
        elif name == "a" and "note-ref" in attribute(element, "id"):
            element.set("role", "doc-noteref")
        elif name == "span" and attribute(element, "class") == HIDDEN_STYLE:
            element.set("hidden", "hidden")
