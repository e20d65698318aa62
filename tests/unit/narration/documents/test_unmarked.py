"""Chapters of documents whose markup names no heading."""

import pytest

from narration.documents.read import read_document
from tests.document_files import make_docx, paragraph
from tests.epubs import make_epub

_TEXT = "It was a dark night on the hill, and the wind blew from the west."
_NAMES = ["Chapter One", "Chapter Two", "Chapter Three"]
_BOLD = (
    '<w:p><w:pPr><w:jc w:val="center"/></w:pPr><w:r><w:rPr><w:b/></w:rPr><w:t>{}</w:t></w:r></w:p>'
)


def _titles(data: bytes, name: str) -> list[tuple[str, str]]:
    """Part and title of each chapter."""
    return [(each.part, each.title) for each in read_document(data, name=name).chapters]


def _html(*blocks: str) -> bytes:
    return f"<html><body>{''.join(blocks)}</body></html>".encode()


def _each(form: str, names: list[str] = _NAMES) -> str:
    return "".join(form.format(name) + f"<p>{_TEXT}</p>" * 2 for name in names)


@pytest.mark.parametrize(
    "form", ["<p><b>{}</b></p>", "<p>{}</p>", '<p align="center">{}</p>', "<p><b>{}<br/></b></p>"]
)
@pytest.mark.parametrize("title", ["", "<h1>The Hill</h1>", "<p>The Hill</p>"])
def test_paragraphs_that_name_chapters_in_order_begin_them(form: str, title: str) -> None:
    assert _titles(_html(title, _each(form)), "a.html") == [("", name) for name in _NAMES]


@pytest.mark.parametrize("form", [paragraph("{}"), _BOLD])
def test_they_do_in_a_word_document(form: str) -> None:
    body = "".join(form.format(name) + paragraph(_TEXT) * 3 for name in _NAMES)
    assert _titles(make_docx(body), "a.docx") == [("", name) for name in _NAMES]


@pytest.mark.parametrize("form", ["**{}**", "{}", "__{}__"])
def test_they_do_in_markdown(form: str) -> None:
    text = "".join(f"{form.format(name)}\n\n{_TEXT}\n\n" for name in _NAMES)
    assert _titles(text.encode(), "a.md") == [("", name) for name in _NAMES]


@pytest.mark.parametrize("names", [_NAMES, ["The Hill", "The Sea", "The End"]])
def test_titles_at_which_the_pages_of_a_book_begin_open_chapters(names: list[str]) -> None:
    pages = {f"p{n}": _each('<p class="chapter-title">{}</p>', [n]) for n in names}
    assert _titles(make_epub(pages), "a.epub") == [("", name) for name in names]


def test_pages_with_marked_headings_stand_beside_the_chapters() -> None:
    pages = {
        "a": "<h1>Dedication</h1><p>To you, my friend.</p>",
        "b": _each("<p>{}</p>"),
        "c": "<h1>About the author</h1><p>He lives on a hill.</p>",
    }
    assert _titles(make_epub(pages), "a.epub") == [
        ("", name) for name in ["Dedication", *_NAMES, "About the author"]
    ]


def test_numbers_begin_anew_under_each_part() -> None:
    body = "".join(
        f"<p>{part}</p>{_each('<p>{}</p>', list('123'))}" for part in ("PART I", "PART II")
    )
    assert _titles(_html(body), "a.html") == [(p, n) for p in ("PART I", "PART II") for n in "123"]


def test_a_list_of_the_chapters_begins_none() -> None:
    listed = "".join(f"<p>{name}</p>" for name in _NAMES)
    titles = _titles(_html("<h1>The Hill</h1>", listed, _each("<p>{}</p>")), "a.html")
    assert [title for _, title in titles][-3:] == _NAMES
    assert len(titles) <= 4


@pytest.mark.parametrize(
    "names",
    [
        ["Chapter one was the worst, he said.", "Chapter two was better."],
        ["Chapter Two", "Chapter Nine"],
        ["12", "15", "19"],
    ],
)
def test_what_is_no_row_of_names_begins_no_chapter(names: list[str]) -> None:
    assert _titles(_html("<h1>The Hill</h1>", _each("<p>{}</p>", names)), "a.html") == [
        ("", "The Hill")
    ]


def test_a_text_with_marked_chapters_keeps_them() -> None:
    body = _each("<h2>{}</h2>") + _each("<p>{}</p>", ["Letter 1", "Letter 2"])
    assert _titles(_html(body), "a.html") == [("", name) for name in _NAMES]
