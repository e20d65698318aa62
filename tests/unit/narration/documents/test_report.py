from narration.documents.read import read_document
from narration.documents.report import UnknownCharacter, as_text, report_on
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


def test_an_imprint_is_no_warning_until_it_is_longer_than_any() -> None:
    document = _document(_TEXT * 100)
    assert not report_on(document, skipped={"copyright": 2_500}).warnings
    [warning] = report_on(document, skipped={"copyright": 9_000}).warnings
    assert "50 % of the text is not read aloud (copyright 9,000 characters)" in warning.text


def test_another_language_than_the_voices_is_a_warning() -> None:
    report = report_on(_document(_TEXT * 10), voice_language="fr-FR")
    assert report.language is not None
    assert report.language.language == "en"
    assert "another language (en) than the voice speaks (fr)" in report.warnings[0].text


def test_unknown_characters_are_a_warning_that_shows_them() -> None:
    unknown = [
        UnknownCharacter(character="∮", count=2, start=90, context="and ∮"),
        UnknownCharacter(character="☃", count=1, start=98, context="and ☃"),
    ]
    report = report_on(_document(f"{_TEXT} ∮ and ∮ and ☃."), unknown=unknown)
    assert "3 characters are unknown to the voice: ∮ ☃" in report.warnings[0].text
    assert report.warnings[0].code == "unknown_characters"


def test_skips_beyond_the_readers_own_count() -> None:
    report = report_on(_document(_TEXT), skipped={"unspeakable": 40})
    assert report.skipped == {"unspeakable": 40}
    assert [remark.code for remark in report.warnings] == ["text_skipped"]


def test_a_chapter_much_longer_than_the_others_is_doubtful() -> None:
    chapters = "".join(f"CHAPTER {n}\n\nHe went up the hill.\n\n" for n in range(1, 6))
    report = report_on(_document(f"{chapters}CHAPTER 6\n\n{_TEXT * 30}"))
    assert [remark.text for remark in report.remarks] == [
        '"CHAPTER 6" is much longer than the other chapters'
    ]


def test_a_report_is_written_for_a_person() -> None:
    report = report_on(_document(f"CHAPTER I\n\n{_TEXT}[1]\n\n[1] So.\n\nCHAPTER II\n\n{_TEXT}"))
    text = as_text(report)
    assert "words      42 in 2 chapters" in text
    assert "characters  note mark" in text
