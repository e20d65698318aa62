"""Reads the chapters that an e-book declares, with the standard library only.

Independent of the reader that it is compared with: they share no code, and no rules for skipping.
"""

import posixpath
import zipfile
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree as ET

_UNSEEN = frozenset({"head", "script", "style", "svg", "title", "template"})
_EMPTY = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta"})


@dataclass(frozen=True)
class Line:
    """A line of the contents; `place` is the number of letters and digits before its target."""

    title: str
    name: str
    place: int
    depth: int


@dataclass
class Book:
    """The letters and digits of a book's pages in order, and the lines of its contents."""

    text: str = ""
    lines: list[Line] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)  # names of pages without a letter


def read_contents(path: Path) -> Book:
    """Read a book's contents and the bare text that they divide."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    container = ET.fromstring(files["META-INF/container.xml"])
    package = next(e.get("full-path") or "" for e in container.iter() if _local(e) == "rootfile")
    root = ET.fromstring(files[package])
    folder = posixpath.dirname(package)
    items = {e.get("id"): e for e in root.iter() if _local(e) == "item"}
    book, parts = Book(), list[str]()
    places: dict[str, tuple[int, dict[str, int]]] = {}
    for reference in (e for e in root.iter() if _local(e) == "itemref"):
        item = items.get(reference.get("idref"))
        if item is None or reference.get("linear") == "no":
            continue
        name = _join(folder, item.get("href") or "")
        if name in files and name not in places and "html" in (item.get("media-type") or ""):
            page = _Text(sum(map(len, parts)))
            page.feed(files[name].decode("utf-8", "replace"))
            places[name] = (sum(map(len, parts)), page.places)
            parts += page.parts
            if not any(page.parts):
                book.silent.add(name)
    book.text = "".join(parts)
    for title, target, depth in _targets(files, items, folder):
        name, _, fragment = target.partition("#")
        if name in places:
            start, inner = places[name]
            book.lines.append(Line(title, name, inner.get(fragment, start), depth))
    return book


def _targets(
    files: dict[str, bytes], items: dict[str | None, ET.Element], folder: str
) -> list[tuple[str, str, int]]:
    """Return titles, targets and depths of the longer of the two kinds of contents."""
    entries: list[list[tuple[str, str, int]]] = [[]]
    for item in items.values():
        name = _join(folder, item.get("href") or "")
        if name not in files:
            continue
        if "nav" in (item.get("properties") or "").split():
            page = _Nav(posixpath.dirname(name))
            page.feed(files[name].decode("utf-8", "replace"))
            entries.append(page.lines)
        elif item.get("media-type") == "application/x-dtbncx+xml":
            entries.append(_points(ET.fromstring(files[name]), posixpath.dirname(name), 0))
    return max(entries, key=len)


def _points(element: ET.Element, folder: str, depth: int) -> list[tuple[str, str, int]]:
    lines: list[tuple[str, str, int]] = []
    for child in element:
        if _local(child) == "navPoint":
            title = next(("".join(e.itertext()) for e in child if _local(e) == "navLabel"), "")
            source = next((e.get("src") or "" for e in child if _local(e) == "content"), "")
            lines.append((" ".join(title.split()), _join(folder, source), depth))
            lines += _points(child, folder, depth + 1)
        elif _local(child) == "navMap":
            lines += _points(child, folder, depth)
    return lines


class _Text(HTMLParser):
    """Letters and digits of a page, and the places of its identifiers."""

    def __init__(self, offset: int) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.places: dict[str, int] = {}
        self._offset = offset
        self._unseen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record an identifier; skip elements without text."""
        for name, value in attrs:
            if (name == "id" or (name == "name" and tag == "a")) and value:
                self.places.setdefault(value, self._offset)
        if tag in _UNSEEN:
            self._unseen.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record an identifier of an empty element."""
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """Leave an element without text."""
        if self._unseen and self._unseen[-1] == tag:
            self._unseen.pop()

    def handle_data(self, data: str) -> None:
        """Collect letters and digits."""
        if not self._unseen:
            text = bare(data)
            self.parts.append(text)
            self._offset += len(text)


class _Nav(HTMLParser):
    """Links of the first list of contents on a page, or of the page if no list says what it is."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.lines: list[tuple[str, str, int]] = []
        self._folder = folder
        self._is_toc = False
        self._depth = -1
        self._target: str | None = None
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Follow lists and links."""
        said = dict(attrs)
        if tag == "nav":
            self._is_toc = (said.get("epub:type") or said.get("type") or "toc") == "toc"
        elif tag == "ol":
            self._depth += 1
        elif tag == "a" and self._is_toc and said.get("href"):
            self._target, self._words = said["href"], []

    def handle_endtag(self, tag: str) -> None:
        """Finish a link."""
        if tag == "ol":
            self._depth -= 1
        elif tag == "nav":
            self._is_toc = False
        elif tag == "a" and self._target is not None:
            title = " ".join("".join(self._words).split())
            self.lines.append((title, _join(self._folder, self._target), self._depth))
            self._target = None

    def handle_data(self, data: str) -> None:
        """Collect the text of a link."""
        self._words.append(data)


def bare(text: str) -> str:
    """Keep letters and digits, in lower case."""
    return "".join(character for character in text.lower() if character.isalnum())


def _join(folder: str, target: str) -> str:
    path, mark, fragment = target.partition("#")
    return posixpath.normpath(posixpath.join(folder, unquote(path))) + mark + unquote(fragment)


def _local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]
