"""SSML -> document: the text in it; instructions on how to speak are ignored."""

import re

from lxml import etree

from narration.documents.decode import decode_page
from narration.documents.html import page_document
from narration.documents.kinds import Kind
from narration.documents.tree import attribute, local_name, parse_page, parse_xml
from narration.documents.types import Document, Metadata, SkipReason
from narration.errors import DocumentError

_NOTHING: frozenset[SkipReason] = frozenset()
_UNSPOKEN = frozenset({"metadata", "meta", "lexicon", "lookup", "desc", "mark", "bookmark"})
_LONG_BREAK_MS = 400  # a break this long separates paragraphs, a shorter one lines
_STRONG = frozenset({"strong", "x-strong"})
_WEAK = frozenset({"none", "x-weak", "weak"})
_DURATION = re.compile(r"\+?(\d{1,6}(?:\.\d+)?|\.\d+)(ms|s)")
_SPELLED = frozenset({"characters", "spell-out", "letters", "verbatim", "digits"})


def read_ssml(
    data: bytes, *, what: str, max_chars: int, spoken: frozenset[SkipReason] = _NOTHING
) -> Document:
    """Read an SSML document; `source` is its text with aliases written out.

    Raises: DocumentError if it is too large or has no text.
    """
    markup = decode_page(data, what=what)
    try:
        root = parse_xml(markup, what=what)
    except DocumentError:  # not well-formed: read as a page, which keeps the element names
        root = parse_page(markup, what=what)
    title = next((each for each in root.iter() if _name(each) == "title"), None)
    metadata = Metadata(
        title=" ".join("".join(map(str, title.itertext())).split()) if title is not None else None,
        language=attribute(root, "lang") or None,
    )
    return page_document(
        _page(root),
        what=what,
        media_type=Kind.SSML.value,
        metadata=metadata,
        max_chars=max_chars,
        spoken=spoken,
    )


def _page(root: etree._Element) -> etree._Element:
    """Build the page in one walk without recursion."""
    html = etree.Element("html")
    body = etree.SubElement(html, "body")
    copies: dict[etree._Element, etree._Element] = {root: body}
    body.text = root.text
    for element in root.iterdescendants():
        parent = element.getparent()
        if not isinstance(element.tag, str) or parent is None or parent not in copies:
            continue
        target = copies[parent]
        name = _name(element)
        if name == "break":
            _add_break(element, target).tail = element.tail
        elif name in _UNSPOKEN or (name == "audio" and not (element.text or "").strip()):
            _add_text(target, element.tail)
        elif name == "sub" and attribute(element, "alias"):
            _add_text(target, attribute(element, "alias"))
            _add_text(target, element.tail)
        else:
            copies[element] = copy = etree.SubElement(
                target, "p" if name in {"p", "paragraph"} else "span"
            )
            language = attribute(element, "lang")
            if language:
                copy.set("lang", language)
            copy.text = _spelled_out(element) if name == "say-as" else element.text
            copy.tail = element.tail
            if name in {"s", "sentence"} and not (copy.tail or "").startswith((" ", "\n")):
                copy.tail = f" {copy.tail or ''}"
    return html


def _add_break(element: etree._Element, target: etree._Element) -> etree._Element:
    strength = attribute(element, "strength").lower()
    length = _DURATION.fullmatch(attribute(element, "time").strip())
    if length is not None:
        milliseconds = float(length[1]) * (1000 if length[2] == "s" else 1)
        is_long, is_nothing = milliseconds >= _LONG_BREAK_MS, milliseconds == 0
    else:
        is_long, is_nothing = strength in _STRONG, strength in _WEAK
    return etree.SubElement(target, "hr" if is_long else "span" if is_nothing else "br")


def _add_text(target: etree._Element, text: str | None) -> None:
    if not text:
        return
    if len(target):
        target[-1].tail = (target[-1].tail or "") + text
    else:
        target.text = (target.text or "") + text


def _spelled_out(element: etree._Element) -> str | None:
    """Write letters and digits with spaces where they are to be spelled out."""
    if not element.text or attribute(element, "interpret-as").lower() not in _SPELLED:
        return element.text
    return " ".join("".join(element.text.split()))


def _name(element: etree._Element) -> str:
    return local_name(element) if isinstance(element.tag, str) else ""
