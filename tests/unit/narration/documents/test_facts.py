import pytest

from narration.documents.facts import language_tag, tidy
from narration.documents.language import document_language
from narration.documents.read import read_document
from narration.documents.types import Metadata
from tests.document_files import make_docx, paragraph


@pytest.mark.parametrize(
    ("said", "tag"),
    [
        ("en", "en"),
        ("EN_us", "en-us"),
        ("eng", "en"),
        ("English", "en"),
        ("deu", "de"),
        ("ger", "de"),
        ("zh-Hant-TW", "zh-Hant-TW"),
        ("UND", None),
        ("mul", None),
        ("zxx", None),
        ("x-unknown", None),
        ("to be defined", None),
        ("", None),
    ],
)
def test_a_language_is_written_as_a_tag(said: str, tag: str | None) -> None:
    assert language_tag(said) == tag


@pytest.mark.parametrize(
    "title", ["Microsoft Word - draft3.docx", "untitled", "Document1", "report_final.pdf", " "]
)
def test_the_title_of_a_file_is_none_of_a_work(title: str) -> None:
    assert tidy(Metadata(title=title)).title is None


@pytest.mark.parametrize("title", ["The Document", "Untitled Poems", "1984", "Anonymous"])
def test_the_title_of_a_work_is_kept(title: str) -> None:
    assert tidy(Metadata(title=title)).title == title


def test_authors_that_a_program_has_filled_in_are_left_out() -> None:
    names = ("python-docx", "Unknown", "anonymous", "Anonymous", "Ann Lee")
    assert tidy(Metadata(authors=names)).authors == ("Anonymous", "Ann Lee")


@pytest.mark.parametrize(
    ("date", "kept"),
    [
        ("2019-05-01T00:00:00Z", "2019-05-01"),
        ("1999", "1999"),
        ("May 1913", "May 1913"),
        ("0101-01-01T00:00:00+00:00", None),
    ],
)
def test_a_date_has_no_time_of_day(date: str, kept: str | None) -> None:
    assert tidy(Metadata(date=date)).date == kept


@pytest.mark.parametrize("language", ["eng", "und"])
def test_a_short_english_text_is_not_taken_for_another_language(language: str) -> None:
    core = f"<dc:language>{language}</dc:language>"
    document = read_document(make_docx(paragraph("Hello there."), core=core), name="a.docx")
    guess = document_language(document)
    assert guess is None or guess.language == "en"


def test_a_passage_that_is_marked_does_not_decide_on_its_document() -> None:
    passage = "Ceci est un paragraphe en français, bien plus long que tout le reste du texte."
    page = f"<html lang='en'><body><p>It began.</p><p lang='fr'>{passage}</p></body></html>"
    guess = document_language(read_document(page.encode(), name="a.html"))
    assert guess is not None
    assert guess.language == "en"
