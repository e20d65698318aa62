"""An e-book's package document: the book's metadata, its files, and their reading order."""

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
_DIGITS = 6  # of a position in a list
_LONGEST_DESCRIPTION = 20_000
_SCHEME = re.compile(r"(?:urn:)?(isbn|uuid|doi|issn|asin|oclc)[:\s]\s*(.+)", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """The parsed package document.

    `pages` are the names of the pages to read, in order; `guide` gives the types of some.
    """

    folder: str
    metadata: Metadata
    items: dict[str, Item]
    pages: tuple[str, ...]
    guide: tuple[tuple[str, str], ...]
    ncx: str | None


def read_package(archive: Archive) -> Package:
    """Read the package named by the archive's container file.

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
    identifier = next((attribute(e, "toc") for e in elements if local_name(e) == "spine"), "")
    if identifier in items:
        return items[identifier].name
    of_type = [item for item in items.values() if item.media_type == "application/x-dtbncx+xml"]
    return of_type[0].name if of_type else None


class _Facts:
    """The metadata elements, along with the elements that refine them."""

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
        """Return the metadata."""
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
        elements = [(element, _text(element)) for element in self._elements.get(name, [])]
        return [(element, text[:_LONGEST_FACT]) for element, text in elements if text]

    def _specified(self, element: etree._Element, name: str) -> str:
        """Return what an attribute or a refining element specifies for an element."""
        return attribute(element, name) or self._refined.get((attribute(element, "id"), name), "")

    def _role(self, element: etree._Element) -> str:
        return self._specified(element, "role").lower()

    def _place(self, element: etree._Element) -> int:
        place = self._specified(element, "display-seq")
        return int(place) if place.isascii() and place.isdigit() and len(place) < _DIGITS else 0

    def _title(self) -> str | None:
        titles = self._named("title")
        main = [
            text for element, text in titles if self._specified(element, "title-type") == "main"
        ]
        return next(iter([*main, *(text for _, text in titles)]), None)

    def _date(self) -> str | None:
        dates = [(self._specified(element, "event"), text) for element, text in self._named("date")]
        for event in _DATED:
            for written_event, text in dates:
                if written_event == event:
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
        series_list: list[tuple[bool, Series]] = []
        metas = self._elements.get("meta", [])
        for element in metas:
            if attribute(element, "property") == "belongs-to-collection" and _text(element):
                series = Series(
                    name=_text(element)[:_LONGEST_FACT],
                    position=self._specified(element, "group-position") or None,
                )
                series_list.append(
                    (self._specified(element, "collection-type") == "series", series)
                )
        calibre = {element.get("name"): element.get("content", "") for element in metas}
        if name := calibre.get("calibre:series"):
            series_list.append(
                (True, Series(name=name, position=calibre.get("calibre:series_index")))
            )
        return next((series for is_series, series in series_list if is_series), None)

    def _identifiers(self) -> Iterator[Identifier]:
        for element, text in self._named("identifier"):
            scheme = self._specified(element, "scheme").lower()
            if match := _SCHEME.fullmatch(text):
                yield Identifier(scheme=match[1].lower(), value=match[2])
            elif not scheme and _ADDRESS.match(text):
                yield Identifier(scheme="uri", value=text)
            else:
                yield Identifier(scheme=scheme, value=text)


def _text(element: etree._Element) -> str:
    return " ".join("".join(map(str, element.itertext())).split())
