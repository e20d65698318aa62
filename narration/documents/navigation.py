"""An e-book's table of contents: EPUB 3's navigation document, or the NCX of older books."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from narration.documents.archive import Archive, fragment_of, resolve
from narration.documents.package import Package
from narration.documents.tree import attribute, local_name, parse_page
from narration.errors import DocumentError

_LONGEST_TITLE = 300
_MAX_ENTRIES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationEntry:
    """An entry of the contents: its title, its target, and its depth (from 0).

    `name` is empty if the entry has no target and only groups the entries below it.
    """

    title: str
    name: str
    fragment: str
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Navigation:
    """The contents in order, and which pages hold special matter, such as "copyright-page"."""

    entries: tuple[NavigationEntry, ...] = ()
    landmarks: tuple[tuple[str, str, str], ...] = ()  # type, name, fragment
    page: str | None = None


def read_navigation(archive: Archive, package: Package) -> Navigation:
    """Read the book's contents; empty if missing or damaged."""
    page = next((i.name for i in package.items.values() if "nav" in i.properties), None)
    entries: list[NavigationEntry] = []
    landmarks = [(kind, *_place(package.folder, href)) for kind, href in package.guide]
    if page is not None:
        try:
            root = parse_page(archive.text(page), what=page)
        except DocumentError:
            page = None
        else:
            folder = posixpath.dirname(page)
            entries = list(_listed(_nav(root, "toc", is_any=True), folder))
            landmarks += _typed(_nav(root, "landmarks", is_any=False), folder)
    if package.ncx is not None:
        try:
            others = list(_points(archive.xml(package.ncx), posixpath.dirname(package.ncx)))
        except DocumentError:
            others = []
        entries = entries if _places(entries) >= min(_places(others), 2) else others
    return Navigation(entries=tuple(entries[:_MAX_ENTRIES]), landmarks=tuple(landmarks), page=page)


def _places(entries: list[NavigationEntry]) -> int:
    return len({(entry.name, entry.fragment) for entry in entries if entry.name})


def _nav(root: etree._Element, kind: str, *, is_any: bool) -> etree._Element | None:
    navs = [element for element in root.iter() if local_name(element) == "nav"]
    for nav in navs:
        if kind in f"{attribute(nav, 'type')} {attribute(nav, 'role')}".replace("doc-", "").split():
            return nav
    return navs[0] if is_any and navs and not attribute(navs[0], "type") else None


def _listed(nav: etree._Element | None, folder: str) -> Iterator[NavigationEntry]:
    """Yield the entries of a navigation document, which are nested lists."""
    if nav is None:
        return
    depth = -1
    for event, element in etree.iterwalk(nav, events=("start", "end")):
        name = local_name(element)
        if name in {"ol", "ul"}:
            depth += 1 if event == "start" else -1
        elif name == "li" and event == "start":
            label = next((e for e in element if local_name(e) not in {"ol", "ul"}), None)
            link = _first(label, "a")
            title = _label(label)
            if title and link is not None and attribute(link, "href"):
                yield _entry(title, folder, attribute(link, "href"), depth)
            elif title:
                yield NavigationEntry(title=title, name="", fragment="", depth=max(depth, 0))


def _first(element: etree._Element | None, name: str) -> etree._Element | None:
    if element is None:
        return None
    return next((each for each in element.iter() if local_name(each) == name), None)


def _typed(nav: etree._Element | None, folder: str) -> list[tuple[str, str, str]]:
    """Yield the landmarks: type, name and fragment."""
    if nav is None:
        return []
    return [
        (kind, *_place(folder, attribute(link, "href")))
        for link in nav.iter()
        if local_name(link) == "a"
        for kind in attribute(link, "type").lower().split()
    ]


def _points(root: etree._Element, folder: str) -> Iterator[NavigationEntry]:
    """Yield the entries of an NCX, which are nested points."""
    depth = -1
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if local_name(element) != "navpoint":
            continue
        depth += 1 if event == "start" else -1
        if event == "start":
            parts = {local_name(child): child for child in reversed(element)}
            title = _label(parts.get("navlabel"))
            source = parts.get("content")
            if title:
                href = "" if source is None else attribute(source, "src")
                yield _entry(title, folder, href, depth)


def _entry(title: str, folder: str, href: str, depth: int) -> NavigationEntry:
    name, fragment = _place(folder, href) if href else ("", "")
    return NavigationEntry(title=title, name=name, fragment=fragment, depth=max(depth, 0))


def _place(folder: str, href: str) -> tuple[str, str]:
    return resolve(folder, href), fragment_of(href)


def _label(element: etree._Element | None) -> str:
    """Return a label's text on one line, without note references, with images by their text."""
    if element is None:
        return ""
    parts: list[str] = []
    length = hidden = 0
    for event, each in etree.iterwalk(element, events=("start", "end")):
        name = local_name(each)
        is_mark = "noteref" in attribute(each, "type") or name in {"ol", "ul"}
        if event == "start":
            hidden += is_mark
            parts.append(" " if name in {"br", "p", "div"} else "")
            parts.append(attribute(each, "alt") if name == "img" else "")
            parts.append((each.text or "") if not hidden else "")
        else:
            hidden -= is_mark
            parts.append((each.tail or "") if not hidden and each is not element else "")
        length += len(parts[-1])
        if length > _LONGEST_TITLE:
            break
    return " ".join("".join(parts).split())[:_LONGEST_TITLE]
