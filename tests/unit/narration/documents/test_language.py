import pytest

from narration.documents.language import (
    alphabet_of,
    document_language,
    foreign_passages,
    guess_language,
)
from narration.documents.read import read_document
from narration.documents.types import Document

_ENGLISH = "The rain had fallen all night upon the hills, and now it stopped, and he was glad."
_FRENCH = "La pluie était tombée toute la nuit sur les collines, et maintenant elle avait cessé."
_GERMAN = "Der Regen war die ganze Nacht auf die Hügel gefallen, und nun hörte er endlich auf."
_RUSSIAN = "Всю ночь на холмы падал дождь, а теперь он перестал, и все были рады."


def _document(*paragraphs: str, language: str = "") -> Document:
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    page = f"<!DOCTYPE html><html lang='{language}'><body>{body}</body></html>"
    return read_document(page.encode(), name="a.html")


@pytest.mark.parametrize(
    ("text", "language"),
    [(_ENGLISH, "en"), (_FRENCH, "fr"), (_GERMAN, "de"), (_RUSSIAN, "ru")],
)
def test_a_sentence_tells_its_language(text: str, language: str) -> None:
    guess = guess_language(text)
    assert guess is not None
    assert guess.language == language


@pytest.mark.parametrize("text", ["", "1234 5678", "Oui.", "Ja, gut so."])
def test_too_little_text_tells_nothing(text: str) -> None:
    assert guess_language(text) is None


def test_what_a_document_says_counts_for_a_text_that_may_be_so() -> None:
    guess = document_language(_document("Yes.", "No.", language="en-GB"))
    assert guess is not None
    assert (guess.language, guess.is_told) == ("en", True)


def test_a_text_that_is_surely_another_language_belies_what_the_document_says() -> None:
    guess = document_language(_document(*[_FRENCH] * 8, language="en"))
    assert guess is not None
    assert (guess.language, guess.is_told) == ("fr", False)


def test_passages_in_another_language_are_found() -> None:
    document = _document(_ENGLISH, _FRENCH, _ENGLISH, _RUSSIAN, "“Oui,” she said.")
    found = [
        (document.source[p.start : p.end].strip(), p.language, p.alphabet)
        for p in foreign_passages(document, "en")
    ]
    assert found == [(_FRENCH, "fr", "Latin"), (_RUSSIAN, "ru", "Cyrillic")]


def test_a_passage_that_is_marked_needs_no_guess() -> None:
    page = b"<!DOCTYPE html><html lang='en'><p>He said.</p><p lang='fr'>Bonjour.</p></html>"
    document = read_document(page, name="a.html")
    assert [p.language for p in foreign_passages(document, "en")] == ["fr"]


@pytest.mark.parametrize(
    ("text", "alphabet"),
    [("abc", "Latin"), ("Łódź", "Latin"), ("αβγ", "Greek"), ("漢字", "Han"), ("123", "")],
)
def test_the_alphabet_is_that_of_most_letters(text: str, alphabet: str) -> None:
    assert alphabet_of(text) == alphabet
