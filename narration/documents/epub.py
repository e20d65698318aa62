"""EPUB -> document: pages in spine order, what to read of them, and the chapters."""

import posixpath
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from lxml import etree

from narration.documents.archive import Archive, resolve
from narration.documents.chapters import Landmark, divide
from narration.documents.declared import DeclaredMatter, NamedPage
from narration.documents.gutenberg import boilerplate
from narration.documents.matter import inner_skips, page_reason
from narration.documents.navigation import Navigation, read_navigation
from narration.documents.notes import note_blocks
from narration.documents.package import Package, read_package
from narration.documents.page import walk_page
from narration.documents.paragraphs import PageBlock
from narration.documents.repeated import repeated_lists
from narration.documents.stylesheet import NO_RULES, StyleRules, read_styles
from narration.documents.tree import attribute, local_name, parse_page
from narration.documents.types import Document, Metadata, Skip, SkipReason
from narration.errors import DocumentError

EPUB = "application/epub+zip"
_NOTHING: frozenset[SkipReason] = frozenset()


def read_epub(
    data: bytes, *, what: str, max_chars: int, spoken: frozenset[SkipReason] = _NOTHING
) -> Document:
    """Read an e-book; `source` is the text of its pages, one after the other.

    Raises: DocumentError if it is damaged, protected, too large unpacked, or has no text.
    """
    archive = Archive(data, what)
    package = read_package(archive)
    navigation = read_navigation(archive, package)
    pages = list(_Reader(archive, spoken).pages(package, max_chars))
    text = "".join(each.page.text for each in pages)
    skips = [skip for each in pages for skip in each.page.skips]
    blocks: list[PageBlock] = []
    for block, reason in _sorted_out(pages, navigation):
        if reason is None or reason in spoken:
            blocks.append(block)
        else:
            skips += [Skip(start=run.start, end=run.end, reason=reason) for run in block.runs]
    if not blocks:
        raise DocumentError(f"{what} has no text to read aloud: {_missing(pages)}")
    metadata = package.metadata
    return Document(
        source=text,
        media_type=EPUB,
        encoding="utf-8",
        metadata=metadata,
        chapters=divide(
            [_marked(block, metadata) for block in blocks],
            _landmarks(pages, navigation),
            [each.start for each in pages],
            title=metadata.title,
        ),
        skips=tuple(sorted(skips, key=lambda skip: skip.start)),
    )


def _missing(pages: list[NamedPage]) -> str:
    """Return the error for a book without text: all skipped, or only pictures."""
    if any(each.page.blocks for each in pages):
        return "it holds only contents, imprints or notes. Ask for these to be read after all"
    return "is it a book of pictures?"


class _Reader:
    """Reads pages with their style sheets."""

    def __init__(self, archive: Archive, spoken: frozenset[SkipReason]) -> None:
        self._archive = archive
        self._spoken = spoken
        self._rules: dict[tuple[str, ...], StyleRules] = {}

    def pages(self, package: Package, max_chars: int) -> Iterator[NamedPage]:
        """Read the pages in the order of the spine."""
        length = 0
        for name in package.pages:
            what = f"{name} in {self._archive.what}"
            root = parse_page(self._archive.text(name), what=what)
            rules = self._rules_of(root, name)
            page = walk_page(root, offset=length, rules=rules, spoken=self._spoken)
            yield NamedPage(name=name, page=page, start=length)
            length += len(page.text)
            if length > max_chars:
                raise DocumentError(
                    f"{self._archive.what} has more than {max_chars:,} characters of text: "
                    "send it in parts"
                )

    def _rules_of(self, root: etree._Element, name: str) -> StyleRules:
        head = next((child for child in root if local_name(child) == "head"), None)
        if head is None:
            return NO_RULES
        folder = posixpath.dirname(name)
        own = [_inner(element) for element in head.iter() if local_name(element) == "style"]
        sheets = [
            resolve(folder, attribute(element, "href"))
            for element in head.iter()
            if local_name(element) == "link" and "stylesheet" in attribute(element, "rel").lower()
        ]
        key = (*sheets, *own)
        if key not in self._rules:
            self._rules[key] = read_styles([*map(self._sheet, sheets), *own])
        return self._rules[key]

    def _sheet(self, name: str) -> str:
        try:
            return self._archive.text(name) if name in self._archive else ""
        except DocumentError:  # the book can be read without its styles
            return ""


def _inner(element: etree._Element) -> str:
    return "".join(map(str, element.itertext()))


def _sorted_out(
    pages: list[NamedPage], navigation: Navigation
) -> Iterator[tuple[PageBlock, SkipReason | None]]:
    """Return every block of the book in order, with the reason if it is not read."""
    titles = {entry.name: entry.title for entry in reversed(navigation.entries)}
    declared = DeclaredMatter(pages, navigation)
    notes = note_blocks([(each.name, each.page) for each in pages])
    all_blocks = [block for each in pages for block in each.page.blocks]
    flags = boilerplate([block.text for block in all_blocks])
    promised = [
        (line.offset, line.title)
        for line in _landmarks(pages, navigation)
        if line.offset is not None
    ]
    lists = repeated_lists(all_blocks, promised)
    numbers = count()
    for each in pages:
        blocks = each.page.blocks
        whole = page_reason(blocks, titles.get(each.name))
        inner = inner_skips(blocks)
        for block, reason in zip(blocks, inner, strict=True):
            number = next(numbers)
            skip_reason = SkipReason.CONTENTS if number in lists else reason
            yield (
                block,
                (SkipReason.BOILERPLATE if flags[number] else None)
                or declared.reason_at(block.start)
                or whole
                or (SkipReason.NOTE if block.start in notes else skip_reason),
            )


def _landmarks(pages: list[NamedPage], navigation: Navigation) -> list[Landmark]:
    """Return the places of the entries in the contents, without those that point nowhere."""
    by_name = {each.name: each for each in pages}
    landmarks: list[Landmark] = []
    for entry in navigation.entries:
        page = by_name.get(entry.name)
        if page is None and entry.name:
            continue
        offset = None
        if page is not None:
            offset = page.page.anchors.get(entry.fragment, page.start)
        landmarks.append(Landmark(offset=offset, title=entry.title, depth=entry.depth))
    return landmarks


def _marked(block: PageBlock, metadata: Metadata) -> PageBlock:
    """Set the language of a block only if it differs from the book's."""
    if block.language is None:
        return block
    own = (metadata.language or "").partition("-")[0].lower()
    tag = block.language.partition("-")[0].lower()
    return block if tag and tag != own else replace(block, language=None)
