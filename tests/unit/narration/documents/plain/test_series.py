import pytest

from narration.documents.plain.reader import read_plain
from narration.documents.read import read_document

_PROSE = "It was a long and dull evening in March, and nobody was looking out at the rain."
_BODY = f"{_PROSE}\n\n{_PROSE} {_PROSE} {_PROSE}"


def _text(*headings: str) -> str:
    return "\n\n".join(f"{heading}\n\n{_BODY}" for heading in headings)


def _titles(source: str) -> list[str]:
    return [chapter.title for chapter in read_plain(source).chapters]


@pytest.mark.parametrize(
    "headings",
    [
        ("ONE", "TWO", "THREE"),
        ("One", "Two", "Three"),
        ("NINETEEN", "TWENTY", "TWENTY-ONE"),
        ("ONE: The Hill", "TWO: The Road"),
        ("MONDAY", "TUESDAY", "WEDNESDAY"),
        ("Monday morning", "Monday night", "Friday"),
        ("Monday, March 3", "Tuesday, March 4", "Friday, March 7"),
        ("3 May", "4 May", "1 June"),
        ("May 3, 1893", "May 4, 1893", "January 2, 1894"),
        ("3rd May 1893", "4th May 1893", "1st June 1893"),
        ("3 May. Bistritz", "4 May", "7 May, evening"),
        ("JANUARY", "FEBRUARY", "MARCH"),
        ("1914", "1915", "1916"),
        ("THE HILL", "THE ROAD", "THE SEA"),
        ("HILL", "ROAD", "SEA"),
    ],
)
def test_headings_that_go_on_from_each_other_begin_chapters(headings: tuple[str, ...]) -> None:
    document = read_document(_text(*headings).encode(), name="a.txt")
    assert [chapter.title for chapter in document.chapters] == list(headings)
    assert document.title is None  # the first of them is no title of the work


def test_the_title_page_above_them_is_no_chapter() -> None:
    source = "MY BOOK\n\nby Ann Writer\n\n" + _text("THE HILL", "THE ROAD", "THE SEA")
    assert _titles(source) == ["THE HILL", "THE ROAD", "THE SEA"]
    assert read_document(source.encode(), name="a.txt").title == "MY BOOK"


@pytest.mark.parametrize(
    "source",
    [
        _PROSE + "\n\n" + _text("NO ENTRY", "KEEP OUT", "BEWARE OF THE DOG"),
        _PROSE + "\n\n" + _text("COMING HOME STOP", "SEND MONEY STOP", "ALL WELL STOP"),
        _text("FIRE!", "HELP!", "RUN!"),
        _PROSE + "\n\n" + _text("3 May 1893", "9 May 1893", "1 June 1893"),  # dates of letters
        f"{_PROSE}\n\nOne.\n\nTwo.\n\nThree.\n\n{_PROSE}",
        f"{_PROSE}\n\nThree!\n\nTwo!\n\nOne!\n\n{_PROSE}",
        f"MILK\n\nBREAD\n\nSALT\n\n{_PROSE}",
        _text("ONE", "FIVE"),
        _text("The sign said:\n\nNO ENTRY", "The next one:\n\nKEEP OUT", "And:\n\nGO AWAY"),
    ],
)
def test_signs_telegrams_dates_and_counting_divide_no_story(source: str) -> None:
    assert len(_titles(source)) == 1


def test_days_in_chapters_begin_none() -> None:
    days = _text("MONDAY", "TUESDAY", "FRIDAY")
    source = f"CHAPTER I\n\n{_PROSE}\n\n{days}\n\nCHAPTER II\n\n{_PROSE}"
    assert _titles(source) == ["CHAPTER I", "CHAPTER II"]
