"""The title of a work, its parts and its chapters in HTML and DOCX: none is named twice."""

import pytest

from narration.documents.read import read_document
from narration.documents.types import Document
from tests.document_files import make_docx, paragraph

_TEXT = "It was a long and dull evening in March, and nobody was looking out at the rain."
_BODY = f"<p>{_TEXT}</p>" * 2
_CORE = "<dc:title>{}</dc:title>"


def _html(head: str, body: str) -> Document:
    page = f"<html><head>{head}</head><body>{body}</body></html>"
    return read_document(page.encode(), name="a.html")


def _docx(*lines: tuple[str, str], title: str = "") -> Document:
    body = "".join(paragraph(text, style) for style, text in lines)
    core = _CORE.format(title) if title else ""
    return read_document(make_docx(body, core=core), name="a.docx")


def _chapters(document: Document) -> list[tuple[str, str]]:
    return [(chapter.part, chapter.title) for chapter in document.chapters]


@pytest.mark.parametrize("head", ["", "<title>The Book</title>", "<title>The Book by Ann</title>"])
def test_a_heading_over_all_others_is_the_title_and_no_part(head: str) -> None:
    document = _html(head, f"<h1>The Book</h1><h2>One</h2>{_BODY}<h2>Two</h2>{_BODY}")
    assert _chapters(document) == [("", "One"), ("", "Two")]
    assert (document.title or "").startswith("The Book")


def test_a_heading_that_repeats_the_title_is_one_chapter() -> None:
    document = _html("<title>The Hill</title>", f"<h1>The Hill</h1>{_BODY}")
    assert _chapters(document) == [("", "The Hill")]


@pytest.mark.parametrize("names", [("Youth", "Age"), ("Part One", "Part Two")])
@pytest.mark.parametrize("is_below_title", [False, True])
def test_headings_that_group_headings_are_parts(
    names: tuple[str, str], *, is_below_title: bool
) -> None:
    upper, lower = ("h2", "h3") if is_below_title else ("h1", "h2")
    body = "<h1>The Book</h1>" if is_below_title else ""
    for name in names:
        body += f"<{upper}>{name}</{upper}>"
        body += "".join(f"<{lower}>{chapter}</{lower}>{_BODY}" for chapter in ("Hill", "Road"))
    assert _chapters(_html("<title>The Book</title>", body)) == [
        (part, chapter) for part in names for chapter in ("Hill", "Road")
    ]


def test_a_heading_with_one_below_it_has_that_for_its_second_line() -> None:
    body = "".join(
        f"<h1>{n}</h1><h2>{t}</h2>{_BODY}" for n, t in (("Youth", "Hill"), ("Age", "Sea"))
    )
    assert [title for _, title in _chapters(_html("", body))] == ["Youth. Hill", "Age. Sea"]


@pytest.mark.parametrize("properties", ["", "The Book", "Microsoft Word - draft.doc"])
def test_a_word_document_has_its_title_by_properties_or_style(properties: str) -> None:
    document = _docx(
        ("Title", "The Book"), ("Heading1", "One"), ("", _TEXT), ("Heading1", "Two"), ("", _TEXT),
        title=properties,
    )  # fmt: skip
    assert document.title == "The Book"
    assert _chapters(document) == [("", "One"), ("", "Two")]


def test_the_title_of_a_word_document_stands_beside_no_part() -> None:
    parts = [
        line
        for part in ("Youth", "Age")
        for line in (
            ("Heading1", part), ("Heading2", "Hill"), ("", _TEXT), ("Heading2", "Sea"), ("", _TEXT),
        )
    ]  # fmt: skip
    assert _chapters(_docx(("Title", "The Book"), *parts)) == [
        (part, chapter) for part in ("Youth", "Age") for chapter in ("Hill", "Sea")
    ]


def test_a_style_of_titles_that_is_used_again_begins_chapters() -> None:
    document = _docx(("Title", "One"), ("", _TEXT), ("Title", "Two"), ("", _TEXT))
    assert _chapters(document) == [("", "One"), ("", "Two")]
