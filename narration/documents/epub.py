"""EPUB -> document: pages in spine order, title and author, footnotes and contents left out.

The archive is not trusted: what is unpacked is bounded, whatever its directory claims.
"""

import io
import posixpath
import re
import zipfile
import zlib
from collections import Counter
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from narration.documents.decode import decode_text
from narration.documents.gather import Entry, gather_chapters
from narration.documents.page import read_page
from narration.documents.paragraphs import PageBlock
from narration.documents.types import Block, BlockKind, Document, Metadata, Skip, SkipReason
from narration.errors import DocumentError

_MAX_ENTRIES = 20_000  # a richly illustrated book has a few hundred
_MAX_UNPACKED_BYTES = 64 * 1024 * 1024  # of markup: the longest novels have under 10
_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/xml", "text/xml"})
# Damage shows itself in many ways; RuntimeError is zipfile's word for an encrypted entry.
_UNPACKING = (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, EOFError)
_WORD = re.compile(r"[^\W_]")


def read_epub(data: bytes, *, what: str) -> Document:
    """Read an e-book; `source` is the text of its pages, one after the other.

    Raises: DocumentError if it is damaged, protected, too large unpacked, or has no text.
    """
    archive = _Archive(data, what)
    package_path = archive.package_path()
    package = archive.xml(package_path)
    source: list[str] = []
    length = 0
    blocks: list[tuple[PageBlock, bool]] = []
    skips: list[Skip] = []
    for name in archive.pages(package, posixpath.dirname(package_path)):
        page = read_page(archive.text(name), what=name, offset=length)
        source.append(page.text)
        length += len(page.text)
        first = next((block for block in page.blocks if block.level), None)
        blocks += [(block, block is first) for block in page.blocks]
        skips += page.skips
    text = "".join(source)
    entries = _entries(text, blocks, skips)
    if not entries:
        raise DocumentError(f"{what} has no text to read aloud: is it a book of pictures?")
    return Document(
        source=text,
        media_type="application/epub+zip",
        encoding="utf-8",
        metadata=_metadata(package),
        chapters=gather_chapters(entries),
        skips=tuple(sorted(skips, key=lambda skip: skip.start)),
    )


class _Archive:
    """The files in an e-book, read within bounds."""

    def __init__(self, data: bytes, what: str) -> None:
        self._what = what
        self._budget = _MAX_UNPACKED_BYTES
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise self._damaged("it is not a ZIP archive") from error
        if len(self._zip.infolist()) > _MAX_ENTRIES:
            raise DocumentError(f"{what} holds more than {_MAX_ENTRIES:,} files: is it a book?")
        self._names = set(self._zip.namelist())

    def package_path(self) -> str:
        """Path of the package document."""
        for element in self.xml(_CONTAINER).iter():
            path = element.get("full-path")
            if _local(element) == "rootfile" and path:
                return path
        raise self._damaged(f"{_CONTAINER} names no package")

    def pages(self, package: ET.Element, folder: str) -> list[str]:
        """Names of the pages to be read, in the order of the spine."""
        items = {e.get("id"): e for e in package.iter() if _local(e) == "item"}
        protected = self._protected()
        names = []
        for reference in (e for e in package.iter() if _local(e) == "itemref"):
            item = items.get(reference.get("idref"))
            if item is None or reference.get("linear") == "no":
                continue
            if item.get("media-type") in _PAGES:
                href = unquote((item.get("href") or "").partition("#")[0])
                names.append(posixpath.normpath(posixpath.join(folder, href)))
        if protected.intersection(names):
            raise DocumentError(f"{self._what} is protected by DRM: send a copy without it")
        return names

    def xml(self, name: str) -> ET.Element:
        """Parse one of the archive's own documents."""
        try:
            return ET.fromstring(self._read(name))  # noqa: S314 - bounded; expat stops bombs
        except ET.ParseError as error:
            raise self._damaged(f"{name} is not XML ({error})") from error

    def text(self, name: str) -> str:
        """Decode one page."""
        return decode_text(self._read(name), what=f"{name} in {self._what}")[0]

    def _protected(self) -> set[str]:
        if _ENCRYPTION not in self._names:
            return set()
        elements = self.xml(_ENCRYPTION).iter()
        return {unquote(e.get("URI") or "") for e in elements if _local(e) == "CipherReference"}

    def _read(self, name: str) -> bytes:
        """Unpack one file; count what really comes out, not what the directory says."""
        if name not in self._names:
            raise self._damaged(f"{name} is missing")
        try:
            with self._zip.open(name) as file:
                data = file.read(self._budget + 1)
        except _UNPACKING as error:
            raise self._damaged(f"{name} cannot be unpacked") from error
        self._budget -= len(data)
        if self._budget < 0:
            raise DocumentError(
                f"{self._what} unpacks to more than {_MAX_UNPACKED_BYTES:,} bytes of text: "
                "send it in parts"
            )
        return data

    def _damaged(self, how: str) -> DocumentError:
        return DocumentError(f"{self._what} is a damaged e-book ({how}): convert or fetch it again")


def _entries(source: str, blocks: list[tuple[PageBlock, bool]], skips: list[Skip]) -> list[Entry]:
    """Blocks with words become entries; the rest is ornament."""
    level = _chapter_level([block for block, _ in blocks])
    entries: list[Entry] = []
    for block, is_first_heading in blocks:
        runs = tuple(run for run in block.runs if source[run.start : run.end].strip())
        text = " ".join("".join(source[run.start : run.end] for run in runs).split())
        if not _WORD.search(text):
            skips += [Skip(start=r.start, end=r.end, reason=SkipReason.ORNAMENT) for r in runs]
            continue
        is_chapter = block.level is not None and (is_first_heading or block.level <= level)
        kind = BlockKind.PARAGRAPH if block.level is None else BlockKind.HEADING
        entries.append(Entry(block=Block(kind=kind, runs=runs), title=text if is_chapter else None))
    return entries


def _chapter_level(blocks: list[PageBlock]) -> int:
    """Headings of this level and above begin chapters: the first level that is used twice."""
    counts = Counter(block.level for block in blocks if block.level is not None)
    return next((level for level in sorted(counts) if counts[level] > 1), min(counts, default=1))


def _metadata(package: ET.Element) -> Metadata:
    author = _fact(package, "creator")
    return Metadata(title=_fact(package, "title"), authors=(author,) if author else ())


def _fact(package: ET.Element, name: str) -> str | None:
    for element in package.iter():
        if _local(element) == name and element.text and element.text.strip():
            return " ".join(element.text.split())
    return None


def _local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]
