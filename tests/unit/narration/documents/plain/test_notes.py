import pytest

from narration.documents.plain.notes import find_signed_notes
from narration.documents.types import SkipReason


def _notes(source: str) -> list[str]:
    return [
        source[skip.start : skip.end]
        for skip in find_signed_notes(source)
        if skip.reason is SkipReason.NOTE
    ]


def _rest(source: str) -> list[str]:
    """Return the text that is not skipped, paragraph by paragraph."""
    for skip in reversed(find_signed_notes(source)):
        source = source[: skip.start] + source[skip.end :]
    return source.split()


@pytest.mark.parametrize("sign", ["*", "**", "†", "‡", "§", "(*)", "¹", "²", "^1"])
def test_a_paragraph_with_the_sign_of_a_mark_is_its_note(sign: str) -> None:
    source = f"The fox{sign} ran.\n\n{sign} A fox is a beast,\nas is known.\n\nHe slept."
    assert _rest(source) == ["The", "fox", "ran.", "He", "slept."]


@pytest.mark.parametrize("mark", ["fox,*", 'fox."*', "fox!*", "fox (*)", "1850*"])
def test_a_mark_stands_behind_a_word_or_a_stop(mark: str) -> None:
    sign = "(*)" if "(" in mark else "*"
    assert _notes(f"The {mark} ran.\n\n{sign} A beast.\n\nHe slept.") == [f"{sign} A beast."]


def test_notes_at_the_foot_of_one_page_stand_below_each_other() -> None:
    source = "The fox* ran† down.\n\n* A beast.\n† Not up.\n\nHe slept."
    assert _notes(source) == ["* A beast.", "† Not up."]


def test_a_sign_is_used_again_on_the_next_page() -> None:
    source = "The fox* ran.\n\n* A beast.\n\nThe dog* ran.\n\n-----\n*No fox.\n\nHe slept."
    assert _notes(source) == ["* A beast.", "*No fox."]


def test_lines_of_a_note_may_each_have_its_sign() -> None:
    note = "* This term of chivalry, that came to the law,\n* gives the phrase of being attainted."
    assert _rest(f"A knight* came.\n\n{note}\n\nHe left.") == [
        "A",
        "knight",
        "came.",
        "He",
        "left.",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "We buy:\n\n* milk\n\n* bread\n\nThat was all.",
        "We buy the best* of all:\n\n* milk\n* bread\n* salt\n\nThat was all.",
        "The *fox* ran.\n\n*A fox is a beast.*\n\nHe slept.",
        "The *fox* ran.\n\n* A fox.\n\nHe slept.",
        "It is 3 * 4 and 5*6.\n\n* A sum.\n\nHe slept.",
        "The fox* ran.\n\n* * * * *\n\nHe slept.",
        "An area of 5 m² is small.\n\n² It is so.\n\nHe slept.",
        "The fox* ran.\n\n" + "He ran on and on over the hill. " * 400 + "\n\n* A beast.\n\nSo.",
    ],
)
def test_items_emphasis_sums_and_powers_are_no_notes(source: str) -> None:
    assert _notes(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "It was a 4* hotel and then a 4.5* one.\n\n* Good food.\n\n* A cold pool.",
        "The dual f* and g* are known.\n\n* Claim one.\n\n* Claim two.",
        "F*** him, said Lord B***.\n\n*** Later it rained.",
    ],
)
def test_stars_of_hotels_variables_and_hidden_names_are_no_marks(source: str) -> None:
    assert _notes(source) == []


def test_a_note_ends_where_a_line_is_a_paragraph() -> None:
    paragraph = "The road went on through the hills, and nobody spoke. " * 3
    assert _notes(f"The fox* ran.\n\n* A beast.\n{paragraph}\n{paragraph}") == ["* A beast."]
