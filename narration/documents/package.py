"""An e-book's package document: what the book is, its files, and the order they are read in."""

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lxml import etree

from narration.documents.archive import Archive, resolve
from narration.documents.covers import Item, find_cover
from narration.documents.facts import tidy
from narration.documents.page import read_page
from narration.documents.tree import attribute, local_name
from narration.documents.types import Cover, Identifier, Metadata, Series
from narration.errors import DocumentError

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/xml", "text/xml"})
_AUTHORS = frozenset({"", "aut", "author", "cre", "creator"})
_DATED = ("publication", "original-publication", "creation", "")
_LONGEST_FACT = 500
_DIGITS = 6  # of a place in a list
_LONGEST_DESCRIPTION = 20_000
_SCHEME = re.compile(r"(?:urn:)?(isbn|uuid|doi|issn|asin|oclc)[:\s]\s*(.+)", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The package document, read.

    `pages` are the names of the pages to read, in order; `guide` says of some what they are.
    """

    folder: str
    metadata: Metadata
    items: dict[str, Item]
    pages: tuple[str, ...]
    guide: tuple[tuple[str, str], ...]
    ncx: str | None


def read_package(archive: Archive) -> Package:
    """Read the package that the archive's container names.

    Raises: DocumentError if it is missing, damaged, or names protected pages.
    """
    path = _package_path(archive)
    root = archive.xml(path)
    folder = posixpath.dirname(path)
    elements = list(root.iter())
    items = {
        attribute(element, "id"): Item(
            name=resolve(folder, attribute(element, "href")),
            media_type=attribute(element, "media-type").lower(),
            properties=frozenset(attribute(element, "properties").split()),
        )
        for element in elements
        if local_name(element) == "item"
    }
    pages = tuple(_pages(elements, items))
    if _protected(archive).intersection(pages):
        raise DocumentError(f"{archive.what} is protected by DRM: send a copy without it")
    guide = tuple(
        (attribute(element, "type").lower(), attribute(element, "href"))
        for element in elements
        if local_name(element) == "reference"
    )
    places = [(kind, resolve(folder, href)) for kind, href in guide]
    return Package(
        folder=folder,
        metadata=tidy(_Facts(elements).metadata(find_cover(archive, elements, items, places))),
        items=items,
        pages=pages,
        guide=guide,
        ncx=_ncx(elements, items),
    )


def _package_path(archive: Archive) -> str:
    for element in archive.xml(_CONTAINER).iter():
        path = element.get("full-path")
        if local_name(element) == "rootfile" and path:
            return posixpath.normpath(path)
    raise archive.damaged(f"{_CONTAINER} names no package")


def _pages(elements: list[etree._Element], items: dict[str, Item]) -> Iterator[str]:
    seen: set[str] = set()
    for element in elements:
        if local_name(element) != "itemref" or attribute(element, "linear") == "no":
            continue
        item = items.get(attribute(element, "idref"))
        if item is not None and item.media_type in _PAGES and item.name not in seen:
            seen.add(item.name)
            yield item.name


def _protected(archive: Archive) -> set[str]:
    if _ENCRYPTION not in archive:
        return set()
    return {
        resolve("", attribute(element, "URI"))
        for element in archive.xml(_ENCRYPTION).iter()
        if local_name(element) == "cipherreference"
    }


def _ncx(elements: list[etree._Element], items: dict[str, Item]) -> str | None:
    named = next((attribute(e, "toc") for e in elements if local_name(e) == "spine"), "")
    if named in items:
        return items[named].name
    of_type = [item for item in items.values() if item.media_type == "application/x-dtbncx+xml"]
    return of_type[0].name if of_type else None


class _Facts:
    """What the metadata elements say, with what other elements say of them."""

    def __init__(self, elements: Iterable[etree._Element]) -> None:
        self._elements: dict[str, list[etree._Element]] = {}
        self._refined: dict[tuple[str, str], str] = {}
        for element in elements:
            name = local_name(element)
            self._elements.setdefault(name, []).append(element)
            if name == "meta" and element.get("refines"):
                about = str(element.get("refines")).removeprefix("#")
                self._refined.setdefault((about, attribute(element, "property")), _text(element))

    def metadata(self, cover: Cover | None) -> Metadata:
        """Collect the facts."""
        creators = self._named("creator")
        creators.sort(key=lambda creator: self._place(creator[0]))
        authors = [text for element, text in creators if self._role(element) in _AUTHORS]
        return Metadata(
            title=self._title(),
            authors=tuple(dict.fromkeys(authors or [text for _, text in creators])),
            language=next((text for _, text in self._named("language")), None),
            date=self._date(),
            publisher=next((text for _, text in self._named("publisher")), None),
            description=self._description(),
            series=self._series(),
            identifiers=tuple(self._identifiers()),
            cover=cover,
        )

    def _named(self, name: str) -> list[tuple[etree._Element, str]]:
        found = [(element, _text(element)) for element in self._elements.get(name, [])]
        return [(element, text[:_LONGEST_FACT]) for element, text in found if text]

    def _said(self, element: etree._Element, name: str) -> str:
        """Look up what an attribute or a refining element says of an element."""
        return attribute(element, name) or self._refined.get((attribute(element, "id"), name), "")

    def _role(self, element: etree._Element) -> str:
        return self._said(element, "role").lower()

    def _place(self, element: etree._Element) -> int:
        place = self._said(element, "display-seq")
        return int(place) if place.isascii() and place.isdigit() and len(place) < _DIGITS else 0

    def _title(self) -> str | None:
        titles = self._named("title")
        main = [text for element, text in titles if self._said(element, "title-type") == "main"]
        return next(iter([*main, *(text for _, text in titles)]), None)

    def _date(self) -> str | None:
        dates = [(self._said(element, "event"), text) for element, text in self._named("date")]
        for event in _DATED:
            for said, text in dates:
                if said == event:
                    return text
        return None

    def _description(self) -> str | None:
        for element in self._elements.get("description", []):
            text = "".join(map(str, element.itertext()))[:_LONGEST_DESCRIPTION]
            if text.strip():
                page = read_page(text, what="the description")  # publishers write it as HTML
                return "\n".join(block.text for block in page.blocks) or None
        return None

    def _series(self) -> Series | None:
        found: list[tuple[bool, Series]] = []
        metas = self._elements.get("meta", [])
        for element in metas:
            if attribute(element, "property") == "belongs-to-collection" and _text(element):
                series = Series(
                    name=_text(element)[:_LONGEST_FACT],
                    position=self._said(element, "group-position") or None,
                )
                found.append((self._said(element, "collection-type") == "series", series))
        named = {element.get("name"): element.get("content", "") for element in metas}
        if name := named.get("calibre:series"):
            found.append((True, Series(name=name, position=named.get("calibre:series_index"))))
        return next((series for is_series, series in found if is_series), None)

    def _identifiers(self) -> Iterator[Identifier]:
        for element, text in self._named("identifier"):
            scheme = self._said(element, "scheme").lower()
            if found := _SCHEME.fullmatch(text):
                yield Identifier(scheme=found[1].lower(), value=found[2])
            elif not scheme and _ADDRESS.match(text):
                yield Identifier(scheme="uri", value=text)
            else:
                yield Identifier(scheme=scheme, value=text)


def _text(element: etree._Element) -> str:
    return " ".join("".join(map(str, element.itertext())).split())
