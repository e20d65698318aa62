"""E-books for tests, built from the bodies of their pages."""

import io
import zipfile
from collections.abc import Mapping

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
METADATA = "<dc:title>The  Book</dc:title><dc:creator>A. Writer</dc:creator>"
_XHTML = "application/xhtml+xml"


def make_epub(
    pages: Mapping[str, str],
    *,
    contents: str = "",
    metadata: str = METADATA,
    items: str = "",
    guide: str = "",
    files: Mapping[str, bytes | str] | None = None,
    head: str = "",
) -> bytes:
    """Pages by name, bodies only, in the order of the spine.

    `contents` is the list of a navigation page, `items` are added to the manifest, and `files` to
    the archive, by their full names.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr(
            "OEBPS/book.opf", _package(pages, metadata, items + _nav_item(contents), guide)
        )
        for name, body in pages.items():
            archive.writestr(f"OEBPS/{name}.xhtml", page_of(body, head))
        if contents:
            archive.writestr("OEBPS/nav.xhtml", page_of(f'<nav epub:type="toc">{contents}</nav>'))
        for name, content in (files or {}).items():
            archive.writestr(name, content)
    return buffer.getvalue()


def page_of(body: str, head: str = "") -> str:
    """A page with a body."""
    return (
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        f"<head><title>no</title>{head}</head><body>{body}</body></html>"
    )


def contents_of(lines: Mapping[str, str]) -> str:
    """A list of contents without parts: titles by their targets."""
    items = "".join(f'<li><a href="{to}">{title}</a></li>' for to, title in lines.items())
    return f"<ol>{items}</ol>"


def ncx_of(points: str) -> str:
    """An NCX with such points."""
    return f'<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>{points}</navMap></ncx>'


def ncx_point(title: str, target: str, inner: str = "") -> str:
    """One point of an NCX."""
    label = f"<navLabel><text>{title}</text></navLabel>"
    return f'<navPoint>{label}<content src="{target}"/>{inner}</navPoint>'


def _nav_item(contents: str) -> str:
    item = f'<item id="nav" href="nav.xhtml" properties="nav" media-type="{_XHTML}"/>'
    return item if contents else ""


def _package(pages: Mapping[str, str], metadata: str, items: str, guide: str) -> str:
    listed = "".join(
        f'<item id="{name}" href="{name}.xhtml" media-type="{_XHTML}"/>' for name in pages
    )
    spine = "".join(f'<itemref idref="{name}"/>' for name in pages)
    return (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:opf="http://www.idpf.org/2007/opf"><metadata>{metadata}</metadata>'
        f"<manifest>{listed}{items}</manifest><spine>{spine}</spine><guide>{guide}</guide></package>"
    )


def entangled_epub() -> bytes:
    """A book of 1 KB whose page opens 100,000 elements and closes as many other ones."""
    return make_epub({"a.xhtml": "<p>Hello there.</p>" + "<b>" * 100_000 + "</i>" * 100_000})
