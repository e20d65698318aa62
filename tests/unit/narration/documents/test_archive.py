import io
import struct
import time
import zipfile
from collections.abc import Callable

import pytest

from narration.documents.read import read_document
from narration.errors import DocumentError
from tests.epubs import CONTAINER, make_epub, page_of

_PACKAGE = (
    "<package><metadata><title>T</title></metadata><manifest>"
    '<item id="a" href="a.xhtml" media-type="text/html"/></manifest>'
    '<spine><itemref idref="a"/></spine></package>'
)


def _archive(*, packing: int = zipfile.ZIP_DEFLATED, **files: str | bytes) -> bytes:
    buffer = io.BytesIO()
    contents: dict[str, str | bytes] = {
        "META-INF/container.xml": CONTAINER.replace("OEBPS/book.opf", "book.opf"),
        "book.opf": _PACKAGE,
        "a.xhtml": "<p>Hello there, reader.</p>",
    }
    contents |= {
        name.replace("__", "/").replace("_dot_", "."): text for name, text in files.items()
    }
    with zipfile.ZipFile(buffer, "w", packing) as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def _broken(change: Callable[[bytearray], None], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = bytearray(_archive(packing=packing))
    change(data)
    return bytes(data)


def _set(marker: bytes, offset: int, value: bytes) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        place = data.find(marker) + offset
        data[place : place + len(value)] = value

    return change


_DIRECTORY, _END = b"PK\x01\x02", b"PK\x05\x06"
_MANY_ENTITIES = "".join(
    f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 10}">' for n in range(9)
)


@pytest.mark.parametrize(
    "data",
    [
        _broken(_set(_DIRECTORY, 10, struct.pack("<H", 99))),
        _broken(_set(_DIRECTORY, 8, b"\x01")),
        _broken(_set(_END, 16, b"\xff\xff\xff\x7f")),
        _broken(_set(_DIRECTORY, 42, b"\xff\xff\xff\x7f")),
        _broken(_set(b"container.xml", 17, b"\xff\xff\xff\xff\xff"), zipfile.ZIP_LZMA),
        _broken(_set(b"container.xml", 15, b"\x02\x00"), zipfile.ZIP_LZMA),
        _broken(_set(b"container.xml", 21, b"\xff"), zipfile.ZIP_BZIP2),
        _archive()[: len(_archive()) // 2],
        _archive(a_dot_xhtml=_archive()),
        _archive(book_dot_opf="<a>" * 500_000 + "</a>" * 500_000),
        _archive(book_dot_opf="<a/>" * 5_000_000),
        _archive(a_dot_xhtml="<b/>" * 5_000_000),
        _archive(a_dot_xhtml="<p>" + "word " * 15_000_000),
        _archive(**{f"e{n}": "" for n in range(25_000)}),
    ],
    ids=[
        "a way of packing that is unknown",
        "an encrypted entry",
        "a directory behind the end",
        "a file behind the end",
        "lzma with a dictionary of 4 GB",
        "lzma without properties",
        "bzip2 that is broken",
        "half a file",
        "an archive for a page",
        "a package nested 500,000 deep",
        "a package of five million tags",
        "a page of five million tags",
        "75 MB of words packed small",
        "25,000 files",
    ],
)
def test_a_hostile_book_is_refused_in_good_time(data: bytes) -> None:
    began = time.process_time()
    with pytest.raises(DocumentError):
        read_document(data, name="book.epub")
    assert time.process_time() - began < 5


@pytest.mark.parametrize("encoding", ["utf-7", "nonsense", "rot13", "shift_jis", "idna", "hex"])
def test_an_encoding_that_is_named_in_bad_faith_does_no_harm(encoding: str) -> None:
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>'
    data = _archive(
        a_dot_xhtml=declaration + page_of("<p>Hello.</p>"), book_dot_opf=declaration + _PACKAGE
    )
    assert "Hello." in read_document(data, name="book.epub").source


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE p [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x"> %x;]>',
        f'<!DOCTYPE p [<!ENTITY a "lollol">{_MANY_ENTITIES}<!ENTITY x "&j;">]>',
    ],
)
def test_entities_are_neither_fetched_nor_expanded(doctype: str) -> None:
    data = _archive(
        a_dot_xhtml=doctype + page_of("<p>Hello &x; there.</p>"),
        book_dot_opf=doctype + _PACKAGE.replace("<title>T", "<title>&x;T"),
    )
    document = read_document(data, name="book.epub")
    assert len(document.source) < 40
    assert "root:" not in document.source


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("iso-8859-1", "iso-8859-1"), ("cp1251", "windows-1251"), ("iso-2022-jp", "iso-2022-jp")],
)
def test_a_page_is_decoded_as_it_says(encoding: str, declared: str) -> None:
    words = {"iso-8859-1": "Café crème", "cp1251": "Старый дом", "iso-2022-jp": "古い家"}[encoding]
    page = f'<html><head><meta charset="{declared}"></head><body><p>{words}</p></body></html>'
    data = _archive(a_dot_xhtml=page.encode(encoding))
    assert words in read_document(data, name="book.epub").source


def test_a_deep_page_is_read_flat() -> None:
    document = read_document(make_epub({"a": "<p>Hello.</p>" + "<div>word " * 1000}), name="a.epub")
    assert document.source.count("word") == 1000
