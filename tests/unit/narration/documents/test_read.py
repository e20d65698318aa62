import pytest

from narration.documents.read import read_document
from narration.documents.types import BlockKind, Document
from narration.errors import DocumentError
from narration.text.chunk import plan_chunks


def _paragraphs(document: Document) -> list[str]:
    return [
        " ".join("".join(document.source[r.start : r.end] for r in block.runs).split())
        for chapter in document.chapters
        for block in chapter.blocks
    ]


def _titles(document: Document) -> list[str]:
    return [chapter.title for chapter in document.chapters]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("Café crème.".encode(), "utf-8"),
        ("Café crème.".encode("utf-8-sig"), "utf-8-sig"),
        ("Café crème.".encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + "Café crème.".encode("utf-16-be"), "utf-16"),
    ],
)
def test_the_encoding_is_told_by_its_mark(data: bytes, encoding: str) -> None:
    document = read_document(data, name="a.txt")
    assert (document.source, document.encoding) == ("Café crème.", encoding)


def test_an_old_encoding_is_detected_and_named() -> None:
    text = "Das Mädchen hörte früh am Morgen die Vögel über den Dächern. " * 20
    document = read_document(text.encode("cp1252"), name="a.txt")
    assert document.source == text
    assert document.encoding not in {"utf-8", "ascii"}


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "is empty"),
        (b" \r\n\t \n", "only white space"),
        (b"... !!! --- ???", "no letters or digits"),
        ("😀 🎉 😀".encode(), "no letters or digits"),
        (b"%PDF-1.7 something", "is a damaged PDF"),
        (b"PK\x03\x04\x14\x00\x06\x00", "not a ZIP archive"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG image"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "a JPEG image"),
        (b"ID3\x03\x00\x00" + bytes(40), "an MP3 file"),
        (b"text with a \x00 in it", "binary data"),
        (bytes(range(256)) * 8, "binary data"),
        (b"\xff\xfea", "byte 2 is not"),
    ],
)
def test_what_cannot_be_narrated_is_refused_by_name(data: bytes, named: str) -> None:
    with pytest.raises(DocumentError, match=named) as caught:
        read_document(data, name="folder/story.txt")
    assert '"story.txt"' in str(caught.value)


def test_too_much_text_is_refused_with_both_figures() -> None:
    with pytest.raises(DocumentError, match="has 1,001 bytes but the limit is 1,000"):
        read_document(b"a" * 1001, name="a.txt", max_bytes=1000)


@pytest.mark.parametrize(("name", "media_type"), [("a.wav", None), (None, "image/png")])
def test_a_type_that_is_not_read_is_refused(name: str | None, media_type: str | None) -> None:
    with pytest.raises(DocumentError, match="is not read"):
        read_document(b"Words.", name=name, media_type=media_type)


def test_the_media_type_wins_over_the_name() -> None:
    document = read_document(b"# One", name="a.txt", media_type="text/markdown; charset=utf-8")
    assert _titles(document) == ["One"]


def test_hard_wrapped_lines_are_one_paragraph() -> None:
    text = "The rain had fallen all\nnight upon the hills,\nand now it stopped.\n\nHe rose.\n"
    document = read_document(text.encode(), name="a.txt")
    assert _paragraphs(document) == [
        "The rain had fallen all night upon the hills, and now it stopped.",
        "He rose.",
    ]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\u2028"])
def test_any_line_ending_will_do(newline: str) -> None:
    text = newline.join(["One line", "goes on.", "", "Next."])
    assert _paragraphs(read_document(text.encode(), name="a.txt")) == ["One line goes on.", "Next."]


def test_mixed_line_endings_will_do() -> None:
    document = read_document(b"One\r\n\nTwo\n\r\nThree\r\rFour\n \t \nFive", name="a.txt")
    assert _paragraphs(document) == ["One", "Two", "Three", "Four", "Five"]


def test_long_lines_are_paragraphs_each() -> None:
    line = "A paragraph that nobody has wrapped by hand goes on and on in one line. " * 3
    document = read_document(f"{line}\n{line}\n".encode(), name="a.txt")
    assert len(_paragraphs(document)) == 2


def test_a_bare_chapter_heading_takes_the_title_below_it() -> None:
    document = read_document(b"CHAPTER I\n\nThe River Bank\n\nThe Mole had been.", name="a.txt")
    assert _titles(document) == ["CHAPTER I. The River Bank"]
    assert [block.kind for block in document.chapters[0].blocks] == [
        BlockKind.HEADING,
        BlockKind.HEADING,
        BlockKind.PARAGRAPH,
    ]


def test_the_mark_of_an_illustration_is_skipped() -> None:
    document = read_document(b"One.\n\n[Illustration: A man\nwith a dog]\n\nTwo.", name="a.txt")
    assert _paragraphs(document) == ["One.", "Two."]
    assert [skip.reason for skip in document.skips] == ["image"]


def test_a_title_page_joins_the_first_chapter() -> None:
    document = read_document(b"# Book\n\n## One\n\nText.\n\n## Two\n\nText.", name="a.md")
    assert _titles(document) == ["One", "Two"]
    assert _paragraphs(document)[0] == "Book"


@pytest.mark.parametrize("between", ["\n{12}\n", " [12]\n", "\n[Pg 12]\n\n"])
def test_a_word_divided_around_what_is_skipped_is_planned_once(between: str) -> None:
    document = read_document(f"This is for the per-{between}son who came.".encode())
    plan = plan_chunks(document)
    assert "".join(document.source[s.start : s.end] for s in plan.spans) == document.source
    assert "12" not in " ".join(chunk.spoken_text for chunk in plan.chunks)
