import pytest

from narration.documents.plain.reader import read_plain
from narration.documents.types import SkipReason

_LINE = "It was a dark night on the hill and the wind blew from the west over the"
_FORMS = ["{}", "- {} -", "Page {}", "page {} of 300", "{} of 300", "{}\f"]


def _blocks(source: str) -> list[str]:
    return [
        " ".join("".join(source[run.start : run.end] for run in block.runs).split())
        for chapter in read_plain(source).chapters
        for block in chapter.blocks
    ]


def _skipped(source: str, reason: SkipReason) -> list[str]:
    skips = read_plain(source).skips
    return [source[skip.start : skip.end] for skip in skips if skip.reason is reason]


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
@pytest.mark.parametrize("form", _FORMS)
def test_a_paragraph_goes_on_across_the_number_of_a_page(form: str, gap: str) -> None:
    source = "".join(
        f"{_LINE}{gap}{form.format(number)}{gap}fields of number {word}. He slept.\n\n"
        for number, word in ((34, "one"), (35, "two"), (36, "three"))
    )
    numbers = [form.format(number).strip() for number in (34, 35, 36)]
    assert _skipped(source, SkipReason.PAGE_NUMBER) == numbers
    assert _blocks(source) == [
        f"{_LINE} fields of number {word}. He slept." for word in ("one", "two", "three")
    ]


def test_rising_numbers_between_whole_paragraphs_begin_no_chapters() -> None:
    source = "\n\n".join(f"{_LINE} sea.\n\n{number}" for number in (37, 38, 39)) + "\n\nHe left."
    assert _skipped(source, SkipReason.PAGE_NUMBER) == ["37", "38", "39"]
    assert len(read_plain(source).chapters) == 1


@pytest.mark.parametrize("numbers", [("1", "2", "3"), ("I", "II", "III"), ("4", "5", "6")])
def test_the_numbers_of_chapters_are_no_pages(numbers: tuple[str, ...]) -> None:
    source = "\n\n".join(f"{number}\n\n{_LINE} sea." for number in numbers)
    assert [chapter.title for chapter in read_plain(source).chapters] == list(numbers)


def test_years_over_the_entries_of_a_diary_are_read() -> None:
    source = "\n\n".join(f"{year}\n\n{_LINE} sea." for year in (1914, 1915, 1916))
    assert not _skipped(source, SkipReason.PAGE_NUMBER)


def test_every_fifth_number_at_the_end_of_a_line_of_verse_is_skipped() -> None:
    lines = [f"The wind blew over hill {chr(96 + n)}" for n in range(1, 17)]
    numbered = [f"{line}      {n}" if n % 5 == 0 else line for n, line in enumerate(lines, 1)]
    assert _skipped("\n".join(numbered), SkipReason.LINE_NUMBER) == ["5", "10", "15"]
    assert _blocks("\n".join(numbered)) == lines


def test_numbers_at_the_ends_of_rows_that_count_no_lines_are_read() -> None:
    source = f"{_LINE} sea.\n\nApples   5\nPears   10\nPlums   15\n\nHe left."
    assert not _skipped(source, SkipReason.LINE_NUMBER)
