"""Everyday texts and their spoken forms, from a table: each bug adds its line to it."""

from pathlib import Path

import pytest

from narration.text.english import English
from narration.text.normalize import normalize, normalize_heading

_TABLE = Path(__file__).parents[3] / "data" / "sayings.tsv"
_SAYINGS = [line.split("\t") for line in _TABLE.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(("written", "spoken"), _SAYINGS)
def test_it_is_said_as_a_person_says_it(written: str, spoken: str) -> None:
    assert normalize(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("CHAPTER IV. THE NASA REPORT", "Chapter Four. The NASA Report"),
        ("HENRY VIII", "Henry The Eighth"),
        ("MARLEY'S GHOST", "Marley's Ghost"),
        ("O'BRIEN AND MCDONALD", "O'Brien And McDonald"),
        ("MR. HYDE MEETS DR. JEKYLL", "Mister Hyde Meets Doctor Jekyll"),
        ("ST. IVES", "Saint Ives"),
        ("VOL. II", "Volume Two"),
        ("THE FBI AND I", "The FBI And I"),
        ("A TALE OF 2 CITIES", "A Tale Of Two Cities"),
    ],
)
def test_heading_in_capitals_keeps_its_acronyms_and_numerals(written: str, spoken: str) -> None:
    assert normalize_heading(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("It is 101 days.", "It is one hundred and one days."),
        ("It is 1,001 days.", "It is one thousand and one days."),
        ("Signed 03/09/2018 in ink.", "Signed the third of September, twenty eighteen in ink."),
        (
            "Signed 25/12/99 in ink.",
            "Signed the twenty-fifth of December, nineteen ninety-nine in ink.",
        ),
        ("On March 9 it rained.", "On March the ninth it rained."),
        ("It is 5 km off.", "It is five kilometres off."),
        ("Add 2 l of milk.", "Add two litres of milk."),
        ("the 112th time", "the one hundred and twelfth time"),
        ("in 2007", "in two thousand and seven"),
    ],
)
def test_british_english_has_its_own_dates_and_words(written: str, spoken: str) -> None:
    assert normalize(written, English.BRITISH) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("E = mc² and (a+b)² here", "E equals mc squared and (a plus b) squared here"),
        ("the answer was 5−3", "the answer was five minus three"),
        ("odds of 3:1, a 1:50 scale", "odds of three to one, a one to fifty scale"),
        ("Figure 4-7 and Figures 4-7", "Figure four dash seven and Figures four to seven"),
        ("at 12° 5′ S. of it", "at twelve degrees, five minutes south of it"),
        ("a 5s. book", "a five shilling book"),
        ('"D—n it!" To ⸻. The ——th.', '"Damn it!" To Blank. The blank.'),
        ("on May 3rd, 17—.", "on May third, seventeen blank."),
        ("It ended.—No, it did not.", "It ended. No, it did not."),
        ("I—I mean d—don’t.", "I, I mean d, don't."),
        ("from Łódź to Dvořák", "from Lódz to Dvorák"),
        ('called "Tom," "Dick" and so on', 'called "Tom," "Dick" and so on'),
        ("Copyright © 2019 by us", "Copyright twenty nineteen by us"),
    ],
)
def test_signs_and_gaps_are_said_as_what_they_mean(written: str, spoken: str) -> None:
    assert normalize(written) == spoken


@pytest.mark.parametrize(
    ("written", "before", "spoken"),
    [
        ("L. VAN HOLT", None, "L Van Holt"),
        ("C. M. SMITH", None, "C M Smith"),
        ("L. The Storm", 49, "Fifty. The Storm"),
        ("XLIX. The Storm", None, "Forty-nine. The Storm"),
        ("V. S. NAIPAUL", None, "V S Naipaul"),
        ("DOG’S DAY", None, "Dog's Day"),
    ],
)
def test_initials_are_numbers_only_where_headings_count(
    written: str, before: int | None, spoken: str
) -> None:
    assert normalize_heading(written, number_before=before) == spoken
