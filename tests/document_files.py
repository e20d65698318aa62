"""Builds small documents in binary formats: DOCX, PDF, ZIP archives."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Piece: TypeAlias = tuple[float, float, float, str]  # x, y, size in points, text
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
    'officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def make_zip(files: Mapping[str, str | bytes]) -> bytes:
    """A ZIP archive of these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def make_docx(body: str, *, footnotes: str = "", core: str = "") -> bytes:
    """A Word document: `body` is the markup of its paragraphs, see paragraph()."""
    footnote_link = (
        f'<Relationship Id="f" Type="{_OFFICE}/footnotes" Target="footnotes.xml"/>'
        if footnotes
        else ""
    )
    files = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": (
            f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="d" '
            f'Type="{_OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'
        ),
        "word/_rels/document.xml.rels": (
            f'<Relationships xmlns="{_PACKAGE}">'
            f'<Relationship Id="s" Type="{_OFFICE}/styles" Target="styles.xml"/>'
            f"{footnote_link}</Relationships>"
        ),
        "word/styles.xml": f'<w:styles xmlns:w="{_W}">{_styles()}</w:styles>',
        "word/document.xml": f'<w:document xmlns:w="{_W}"><w:body>{body}</w:body></w:document>',
    }
    if footnotes:
        files["word/footnotes.xml"] = f'<w:footnotes xmlns:w="{_W}">{footnotes}</w:footnotes>'
    if core:
        files["docProps/core.xml"] = (
            '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/'
            'core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" '
            f'xmlns:dcterms="http://purl.org/dc/terms/">{core}</cp:coreProperties>'
        )
    return make_zip(files)


def paragraph(text: str, style: str = "", extra: str = "") -> str:
    """A paragraph of a Word document."""
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r>{extra}</w:p>"


def _styles() -> str:
    names = {"Heading1": "heading 1", "Heading2": "heading 2", "Title": "Title", "TOC1": "toc 1"}
    return "".join(
        f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/></w:style>'
        for key, name in names.items()
    )


def make_pdf(
    pages: Sequence[Sequence[Piece]],
    *,
    title: str = "",
    bookmarks: Sequence[tuple[str, int]] = (),
) -> bytes:
    """A PDF; a page is a list of pieces of text."""
    count = len(pages)
    first_page, first_mark = 5, 5 + 2 * count
    kids = " ".join(f"{first_page + 2 * number} 0 R" for number in range(count))
    outline = f"/Outlines {first_mark} 0 R" if bookmarks else ""
    objects = [
        f"<</Type/Catalog/Pages 2 0 R{outline}>>",
        f"<</Type/Pages/Kids[{kids}]/Count {count}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        f"<</Title({title})>>",
    ]
    for number, pieces in enumerate(pages):
        stream = "".join(
            f"BT /F1 {size} Tf {x} {y} Td ({_escaped(text)}) Tj ET\n" for x, y, size, text in pieces
        )
        objects.append(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 3 0 R>>>>"
            f"/Contents {first_page + 2 * number + 1} 0 R>>"
        )
        objects.append(f"<</Length {len(stream)}>>\nstream\n{stream}endstream")
    objects += _outline(bookmarks, first_mark, first_page)
    return _assembled(objects)


def _outline(bookmarks: Sequence[tuple[str, int]], first: int, first_page: int) -> list[str]:
    if not bookmarks:
        return []
    last = first + len(bookmarks)
    marks = [f"<</Type/Outlines/First {first + 1} 0 R/Last {last} 0 R/Count {len(bookmarks)}>>"]
    for number, (title, page) in enumerate(bookmarks):
        following = f"/Next {first + number + 2} 0 R" if first + number + 1 < last else ""
        before = f"/Prev {first + number} 0 R" if number else ""
        marks.append(
            f"<</Title({_escaped(title)})/Parent {first} 0 R{before}{following}"
            f"/Dest[{first_page + 2 * page} 0 R /Fit]>>"
        )
    return marks


def _assembled(objects: Sequence[str]) -> bytes:
    data = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
        f"trailer\n<</Size {len(objects) + 1}/Root 1 0 R/Info 4 0 R>>\n"
        f"startxref\n{len(data)}\n%%EOF\n"
    )
    return data + trailer.encode()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
