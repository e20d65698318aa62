"""Everyday sayings from a table, written form and saying: each bug adds its line to the table."""

from pathlib import Path

import pytest

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
