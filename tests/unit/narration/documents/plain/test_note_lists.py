import pytest

from narration.documents.plain.note_lists import find_note_lists
from narration.documents.plain.reader import read_plain
from narration.documents.types import SkipReason

_LIST = "1. A fox is a beast.\n\n2. The dog is one, too,\nas is known."


def _rest(source: str) -> str:
    """Return the text that is not skipped."""
    for skip in reversed(find_note_lists(source)):
        source = source[: skip.start] + source[skip.end :]
    return " ".join(source.split())


@pytest.mark.parametrize(
    "text",
    [
        "The fox[1] ran. The dog[2] did.",
        "The fox1 ran. The dog2 did.",
        "The fox¹ ran. The dog² did.",
        "The fox^1 ran. The dog^2 did.",
        "The fox (1) ran. The dog (2) did.",
    ],
)
def test_a_list_of_notes_and_the_figures_that_lead_there_are_skipped(text: str) -> None:
    assert _rest(f"{text}\n\nNOTES:\n\n{_LIST}\n") == "The fox ran. The dog did."


@pytest.mark.parametrize("heading", ["NOTES", "Notes:", "FOOTNOTES:", "_Endnotes_", "== Notes =="])
@pytest.mark.parametrize("form", ["{}. ", "{}) ", "({}) ", "[{}] ", "{} ", "^{} "])
def test_a_list_is_known_however_it_is_set(heading: str, form: str) -> None:
    notes = "\n".join(form.format(number) + "A beast." for number in (1, 2))
    assert (
        _rest(f"The fox1 ran. The dog2 did.\n\n{heading}\n{notes}") == "The fox ran. The dog did."
    )


def test_footnotes_need_no_figures_in_the_text() -> None:
    assert _rest(f"The fox ran.\n\nFOOTNOTES:\n\n{_LIST}") == "The fox ran."


def test_what_is_set_in_below_an_entry_belongs_to_it() -> None:
    source = "The fox[1] ran.\n\nNOTES\n\n1. A beast.\n\n   It is red.\n\nThe end."
    assert _rest(source) == "The fox ran. The end."


def test_notes_of_several_chapters_in_one_list_are_skipped() -> None:
    text = "CHAPTER I\n\nThe fox[1] ran.\n\nCHAPTER II\n\nThe dog[1] did."
    notes = "NOTES\n\nFirst Things\n\n1. A beast.\n\nLast Things\n\n1. Another.\n"
    assert _rest(f"{text}\n\n{notes}") == "CHAPTER I The fox ran. CHAPTER II The dog did."


def test_a_chapter_goes_on_below_its_notes() -> None:
    source = f"CHAPTER I\n\nThe fox[1] ran.[2]\n\nNOTES\n\n{_LIST}\n\nCHAPTER II\n\nHe slept."
    chapters = read_plain(source).chapters
    assert [chapter.title for chapter in chapters] == ["CHAPTER I", "CHAPTER II"]
    assert {skip.reason for skip in read_plain(source).skips} == {
        SkipReason.NOTE,
        SkipReason.NOTE_MARK,
    }


@pytest.mark.parametrize(
    "source",
    [
        f"Boil it well.\n\nNOTES:\n\n{_LIST}",
        "It is (1) red and (2) new.\n\nNOTES\n\nHe wrote them in the train, all of them.",
        "The fox[1] ran.\n\nNote: the door was shut.\n\nHe slept.",
    ],
)
def test_an_author_s_own_notes_are_read(source: str) -> None:
    assert find_note_lists(source) == []


def test_a_numbered_chapter_is_no_entry_of_the_notes_above_it() -> None:
    source = "The fox1 ran.\n\nNOTES\n\n1. A beast.\n\n\n\n2. The Hill\n\nShe climbed it."
    assert _rest(source) == "The fox ran. 2. The Hill She climbed it."


def test_a_paragraph_that_begins_with_a_figure_is_no_footnote() -> None:
    source = "Footnotes\n\n42 years ago my mother wrote a book."
    assert _rest(source) == " ".join(source.split())
