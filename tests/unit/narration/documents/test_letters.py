import unicodedata

import pytest

from narration.documents.letters import plain_form, plain_letters
from narration.documents.read import read_document
from narration.documents.report import report_on


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("Łódź", "Lódz"),  # the ó stays, since Spanish print has it
        ("Dvořák, Čapek and Škoda", "Dvorák, Capek and Skoda"),
        ("Tōkyō", "Tokyo"),
        ("Cæsar, Ærø, Þór", "Caesar, Aero, Thór"),  # in Latin-1, but unknown to the voices
        ("Đặng Thế", "Dang Thê"),  # the ê stays, since French print has it
        ("Œuvre, cœur", "Oeuvre, coeur"),
        ("İstanbul, Işık", "Istanbul, Isik"),
        ("x\u030c", "x"),
        ("café, Åse, Müller, garçon, naïve", "café, Åse, Müller, garçon, naïve"),
        ("Война, λόγος, שלום", "Война, λόγος, שלום"),
        ("plain", "plain"),
    ],
)
def test_a_letter_that_western_print_lacks_has_a_plain_form(written: str, plain: str) -> None:
    assert plain_letters(unicodedata.normalize("NFC", written)) == plain


@pytest.mark.parametrize("letter", ["a", "é", "e\u0301", "ñ", "ж", "語", "5", "!"])
def test_a_letter_that_needs_none_or_has_none_is_left_alone(letter: str) -> None:
    assert plain_form(letter) is None


def test_what_is_spoken_by_its_plain_form_is_a_note() -> None:
    document = read_document("He came from Łódź. ∮".encode(), name="a.txt")
    report = report_on(document)
    (note,) = (remark for remark in report.remarks if not remark.is_warning)
    assert note.text == "2 letters are spoken without their marks: Ł as L, ź as z"
    assert note.start == len("He came from ")
