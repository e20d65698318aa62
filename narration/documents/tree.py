"""Markup -> one parsed tree, however broken the markup; time and memory are limited.

Well-formed XHTML is parsed strictly, anything else as a browser parses HTML. Nothing is fetched,
and only the named characters of HTML are expanded.
"""

import re
from html.entities import html5

from lxml import etree

from narration.errors import DocumentError

# A page of five million empty tags would take a gigabyte; the largest book known has 400,000.
_MAX_NODES = 1_000_000
_MAX_DEPTH = 256  # libxml2's own limit: deeper content is lost
_LONG_TAG = re.compile(r"<([A-Za-z][\w:.-]*)[^<>]{4000,}+(/?>)")  # a picture embedded in its tag
_TAG = re.compile(r"<[A-Za-z][^<>]*+")
# At the start only, because elsewhere an open one would be searched each time.
_PROLOG = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:[^-]|-(?!->))*+-->\s*)*"
    r"(?:<!DOCTYPE[^\[>]*(?:\[[^\]]*\]\s*)?>)?",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*;)")
_XML_ENTITIES = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})
# Not allowed in XML and never spoken: control characters and lone surrogates.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_BODY = re.compile(r"<(?:html|body)\b", re.IGNORECASE)
_HEADLESS = re.compile(r"<(/?)(script|style|head|title|h[1-6]|br|img)\b", re.IGNORECASE)
_INLINE = re.compile(
    r"<(/?)(?:a|abbr|acronym|b|bdo|big|cite|code|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|"
    r"span|strike|strong|sub|sup|tt|u|var)\b",
    re.IGNORECASE,
)
_ANY_TAG = re.compile(r"</?[A-Za-z][^<>]*+>")


def parse_page(markup: str, *, what: str) -> etree._Element:
    """Parse a page of HTML or XHTML.

    Raises: DocumentError if it is too large, or nested too deep to be anything but an attack.
    """
    markup = _clean(markup, what)
    try:
        return etree.fromstring(_with_characters(markup).encode(), _strict_parser())
    except etree.XMLSyntaxError:
        pass
    root = _parse_html(markup, what)
    if root is None:
        root = _parse_html(_ANY_TAG.sub(_flattened, markup), what)
    if root is None:
        raise DocumentError(
            f"{what} is nested deeper than {_MAX_DEPTH} elements: convert the document again"
        )
    return root


def parse_xml(markup: str, *, what: str) -> etree._Element:
    """Parse a document that should be XML, such as an e-book's package, repairing errors.

    Raises: DocumentError if nothing can be recovered, or it is too large or nested too deep.
    """
    data = _with_characters(_clean(markup, what)).encode()
    try:
        return etree.fromstring(data, _strict_parser())
    except etree.XMLSyntaxError as error:
        parser = _strict_parser(is_mending=True)
        is_deep = "depth" in str(error)
        root = None if is_deep else _mended(data, parser)
        if is_deep or "depth" in str(parser.error_log):
            raise DocumentError(
                f"{what} nests its elements too deep: convert the document again"
            ) from error
        if root is None:
            line, column = error.position
            raise DocumentError(
                f"{what} is not XML (it cannot be read from line {line}, column {column} on): "
                "convert the document again"
            ) from error
        return root


def _mended(data: bytes, parser: etree.XMLParser) -> etree._Element | None:
    """Parse what can be recovered; None if it is nothing."""
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError:  # of an empty document nothing can be
        return None


def local_name(element: etree._Element) -> str:
    """Name of an element without its namespace, in lower case."""
    return str(element.tag).rpartition("}")[2].lower()


def attribute(element: etree._Element, name: str) -> str:
    """Return an attribute, in any namespace; empty if there is none."""
    value = element.get(name)
    if value is not None:
        return str(value)
    for key, other in element.attrib.items():
        if re.split("[}:]", str(key))[-1] == name:
            return str(other)
    return ""


def _clean(markup: str, what: str) -> str:
    """Remove constructs that neither parser needs and that can be used to attack both."""
    if markup.count("<") - markup.count("</") > _MAX_NODES:
        raise _too_large(what)
    markup = _FORBIDDEN.sub("", markup)
    markup = _PROLOG.sub("", markup, count=1)
    markup = _LONG_TAG.sub(r"<\1\2", markup)
    tags = "".join(_TAG.findall(markup))
    if len(tags.split()) > 2 * _MAX_NODES:
        raise _too_large(what)
    return markup


def _too_large(what: str) -> DocumentError:
    return DocumentError(
        f"{what} has more than {_MAX_NODES:,} elements and attributes: send it in parts"
    )


def _with_characters(markup: str) -> str:
    """Replace HTML's named characters, of which XML knows only five."""
    return _ENTITY.sub(
        lambda found: found[0] if found[1] in _XML_ENTITIES else html5.get(found[1], found[0]),
        markup,
    )


def _strict_parser(*, is_mending: bool = False) -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        recover=is_mending,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def page_text(element: etree._Element, limit: int) -> str:
    """Return the text of an element and its contents, cut off at a limit."""
    if len(element) == 0:
        return element.text or ""
    parts: list[str] = []
    for part in element.itertext():
        parts.append(str(part))
        limit -= len(part)
        if limit < 0:
            break
    return "".join(parts)


def _parse_html(markup: str, what: str) -> etree._Element | None:
    """Parse HTML; None if it is nested too deep."""
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    body = markup if _BODY.search(markup) else f"<html><body>{markup}"
    try:
        root = etree.fromstring(body.encode(), parser)
    except etree.XMLSyntaxError as error:
        raise DocumentError(f"{what} cannot be read as a page: convert it") from error
    for entry in parser.error_log.filter_from_fatals():
        if "depth" in entry.message.lower():
            return None
        if "limit" in entry.message.lower() or "long" in entry.message.lower():
            raise DocumentError(f"{what} has a passage of more than 10,000,000 characters")
    return root


def _flattened(root: re.Match[str]) -> str:
    """Keep a break between texts of different blocks; the nesting is lost."""
    if _HEADLESS.match(root[0]):
        return root[0]
    return "" if _INLINE.match(root[0]) else "<p>"
