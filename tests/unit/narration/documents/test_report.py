import json

from narration.documents.read import read_document
from narration.documents.report import as_json, as_text, report_on
from narration.documents.types import Document

_TEXT = "The rain had fallen all night upon the hills, and now it stopped, and he was glad of it. "


def _document(text: str) -> Document:
    return read_document(text.encode(), name="a.txt")


def test_a_report_counts_chapters_words_and_what_is_skipped() -> None:
    report = report_on(
        _document("BOOK I\n\nCHAPTER I\n\nHe went up.[1]\n\n[1] A note.\n\nCHAPTER II\n\nHe left.")
    )
    assert [(c.part, c.title, c.words) for c in report.chapters] == [
        ("BOOK I", "CHAPTER I", 7),
        ("BOOK I", "CHAPTER II", 4),
    ]
    assert report.words == 11
    assert report.skipped == {"note": 11, "note_mark": 3}


def test_much_that_is_skipped_is_a_warning_boilerplate_is_none() -> None:
    note = f"[Footnote 1: {_TEXT}]"
    warned = report_on(_document(f"{_TEXT}\n\n{note}")).warnings
    assert "54 % of the text is not read aloud (note" in warned[0].text
    licence = f"*** START OF THE PROJECT GUTENBERG EBOOK X ***\n\n{_TEXT}\n\n*** END OF THE PROJECT"
    assert not report_on(_document(f"{licence} GUTENBERG EBOOK X ***\n\n{_TEXT}")).warnings


def test_another_language_than_the_voices_is_a_warning() -> None:
    report = report_on(_document(_TEXT * 10), voice_language="fr-FR")
    assert report.language is not None
    assert report.language.language == "en"
    assert "another language (en) than the voice speaks (fr)" in report.warnings[0].text


def test_unknown_characters_are_a_warning_that_shows_them() -> None:
    report = report_on(_document(f"{_TEXT} ∮ and ∮ and ☃."), is_speakable=lambda c: c.isascii())
    assert [(u.character, u.count) for u in report.unknown] == [("∮", 2), ("☃", 1)] or [
        (u.character, u.count) for u in report.unknown
    ] == [("☃", 1), ("∮", 2)]
    assert "3 characters are unknown to the voice" in report.warnings[0].text


def test_a_chapter_much_longer_than_the_others_is_doubtful() -> None:
    chapters = "".join(f"CHAPTER {n}\n\nHe went up the hill.\n\n" for n in range(1, 6))
    report = report_on(_document(f"{chapters}CHAPTER 6\n\n{_TEXT * 30}"))
    assert [remark.text for remark in report.remarks] == [
        '"CHAPTER 6" is much longer than the other chapters'
    ]


def test_a_report_is_written_for_a_person_and_for_a_program() -> None:
    report = report_on(_document(f"CHAPTER I\n\n{_TEXT}[1]\n\n[1] So.\n\nCHAPTER II\n\n{_TEXT}"))
    text = as_text(report)
    assert "words      42 in 2 chapters" in text
    assert "characters  note mark" in text
    content = json.loads(as_json(report))
    assert content["chapters"][1]["title"] == "CHAPTER II"
    assert content["warnings"] == []
