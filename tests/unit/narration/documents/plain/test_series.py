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
    assert document.title is None  # the first of them is not the title of the work


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
        _PROSE + "\n\n" + _text("3 May 1893", "9 May 1893", "1 June 1893"),  # the dates of letters
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


def test_who_speaks_by_turns_begins_no_chapter() -> None:
    assert len(_titles(_text("ANNA", "BEN", "ANNA", "BEN", "ANNA"))) == 1


def test_chapters_by_turns_are_told_by_their_length() -> None:
    names = ("ANNA", "BEN", "ANNA", "BEN", "ANNA")
    source = "\n\n".join(f"{name}\n\n" + f"{_PROSE} {_PROSE}\n\n" * 20 for name in names)
    assert _titles(source) == list(names)


def _entries(*openings: str) -> str:
    return "\n\n".join(f"{opening} {_BODY}" for opening in openings)


def test_the_entries_of_a_diary_begin_chapters_where_the_date_is_in_the_paragraph() -> None:
    dates = ("_3 May. Bistritz._--We left.", "4 May.--I came.", "6 May.--So.", "9 May. On.")
    source = f"HIS JOURNAL\n\n{_entries(*dates, 'June 1, evening.--Here.')}"
    assert _titles(source) == ["3 May", "4 May", "6 May", "9 May", "June 1, evening"]


@pytest.mark.parametrize(
    "source",
    [
        _entries(
            "It was late.", "3 May. So.", "4 May. So.", "5 May. So.", "6 May. So.", "7 May. O."
        ),
        _entries("3 May was wet.", "4 May was dry.", "5 May too.", "6 May was.", "7 May also."),
        _entries("3 May. So.", "1 May. So.", "9 May. So.", "2 May. So.", "4 May. So.", "3 May. O."),
        "\n\n".join(f"{day} May: a fire in the town." for day in range(1, 9)),
    ],
)
def test_dates_in_paragraphs_divide_no_other_text(source: str) -> None:
    assert len(_titles(source)) == 1
