import pytest

from narration.documents.kinds import Kind, detect_kind, is_compressed
from narration.errors import DocumentError
from tests.document_files import make_docx, make_pdf, make_zip, paragraph

_FB2 = '<?xml version="1.0"?><FictionBook xmlns="x"><body><p>Hi.</p></body></FictionBook>'


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<!DOCTYPE html><html><body><p>Hi.</p></body></html>", Kind.HTML),
        (b"\xef\xbb\xbf \n<!-- saved -->\n<html lang='en'><p>Hi.", Kind.HTML),
        ("<html><p>Hi.".encode("utf-16"), Kind.HTML),
        (b"<p>Hi.</p>\n<p>There.</p>", Kind.HTML),
        (b"<title>Hi</title>\n<h1>Hi</h1> there", Kind.HTML),
        (b'<meta charset="utf-8">\n<p>Hi.', Kind.HTML),
        (b"<i>Hi</i>, you.\n\nThere.", Kind.PLAIN),
        (b'<?xml version="1.0"?>\n<speak version="1.0">Hi.</speak>', Kind.SSML),
        (_FB2.encode(), Kind.FB2),
        (make_zip({"book.fb2": _FB2}), Kind.FB2),
        (make_zip({"META-INF/container.xml": "<x/>"}), Kind.EPUB),
        (make_docx(paragraph("Hi.")), Kind.DOCX),
        (make_pdf([[(72, 700, 11, "Hi there.")]]), Kind.PDF),
        (b"Hi there, <b>you</b>.", Kind.PLAIN),
        (b"<3 is a heart, and 2 < 3.", Kind.PLAIN),
        (b"# Hi", Kind.PLAIN),
    ],
)
def test_what_is_in_a_file_counts_for_more_than_its_name(data: bytes, kind: Kind) -> None:
    assert detect_kind(data, name="story.txt", media_type=None, what="it") is kind


@pytest.mark.parametrize(
    ("name", "media_type", "kind"),
    [
        ("a.md", None, Kind.MARKDOWN),
        ("a.md", "application/octet-stream", Kind.MARKDOWN),
        ("a.txt", "text/x-markdown; charset=utf-8", Kind.MARKDOWN),
        ("A.HTM", None, Kind.HTML),
        ("a.xml", "application/ssml+xml", Kind.SSML),
        (None, None, Kind.PLAIN),
        ("a", "", Kind.PLAIN),
    ],
)
def test_a_text_is_what_its_media_type_or_else_its_ending_says(
    name: str | None, media_type: str | None, kind: Kind
) -> None:
    assert detect_kind(b"Words.", name=name, media_type=media_type, what="it") is kind


def test_markup_in_markdown_stays_markdown() -> None:
    data = b"<p>Hi.</p>\n\n# There"
    assert detect_kind(data, name="a.md", media_type=None, what="it") is Kind.MARKDOWN


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"content.xml": "<x/>", "mimetype": "application/vnd.oasis"}, "OpenDocument"),
        ({"xl/workbook.xml": "<x/>"}, "spreadsheet"),
        ({"photo.jpg": "x"}, "without a document"),
    ],
)
def test_an_archive_of_another_kind_is_refused_with_what_to_do(
    files: dict[str, str], named: str
) -> None:
    with pytest.raises(DocumentError, match=named):
        detect_kind(make_zip(files), name="a.zip", media_type=None, what="it")


@pytest.mark.parametrize("name", ["a.docx", "a.epub", "a.pdf"])
def test_a_name_that_the_content_belies_is_refused(name: str) -> None:
    with pytest.raises(DocumentError, match="damaged"):
        detect_kind(b"Words.", name=name, media_type=None, what="it")


def test_an_ending_that_is_not_read_is_refused_with_those_that_are() -> None:
    with pytest.raises(DocumentError, match=r"ends in \.xyz, which is not read: send one of \.txt"):
        detect_kind(b"Words.", name="a.xyz", media_type=None, what="it")


@pytest.mark.parametrize(
    ("data", "is_it"),
    [
        (make_docx(paragraph("Hi.")), True),
        (make_zip({"META-INF/container.xml": "<x/>"}), True),
        (make_pdf([[(72, 700, 11, "Hi there.")]]), True),
        (b"\n\n" + make_pdf([[(72, 700, 11, "Hi there.")]]), True),
        (b"Hi there.", False),
        (_FB2.encode(), False),
    ],
)
def test_what_may_hold_more_text_than_it_has_bytes(data: bytes, is_it: bool) -> None:
    assert is_compressed(data) is is_it
