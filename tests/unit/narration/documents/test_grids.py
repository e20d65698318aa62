import pytest

from narration.documents.grids import is_figure, is_grid
from narration.documents.page import read_page
from narration.documents.types import SkipReason


@pytest.mark.parametrize(
    "rows",
    [
        [["Year", "Sold"], ["1901", "12"], ["1902", "14"]],
        [["North", "3.5 %", "$ 1,000"], ["South", "4.5 %", "$ 2,000"]],
        [["", "1", "2"], ["1", "1", "2"], ["2", "2", "4"]],
        [
            ["Corn", "12", "14"],
            ["Rye", "3", "—"],
            ["Oats", "5", "6"],
            ["Source: the harbour office, as of 1902."],
        ],
    ],
)
def test_figures_in_two_columns_and_more_are_a_grid(rows: list[list[str]]) -> None:
    assert is_grid(rows)


@pytest.mark.parametrize(
    "rows",
    [
        [[str(n), "And it came to pass."] for n in range(6)],  # verses
        [["1914", "War"], ["1918", "Peace"], ["1939", "War"], ["1945", "Peace"]],
        [["Flour", "500 g"], ["Salt", "5 g"], ["Butter", "200 g"], ["Milk", "50 ml"]],
        [["1", "2", "3"], ["4", "5", "The text of the page stands beside the figures. " * 5]],
        [["1"], ["2"], ["3"], ["4"]],
        [],
    ],
)
def test_entries_with_their_numbers_are_no_grid(rows: list[list[str]]) -> None:
    assert not is_grid(rows)


_GRID = "<table>" + "<tr><td>1</td><td>2</td><td>3</td></tr>" * 9 + "</table>"


def test_a_page_laid_out_as_a_table_is_read_without_the_grid_in_it() -> None:
    markup = f"<table><tr><td><p>One.</p></td><td><p>Two.</p>{_GRID}</td></tr></table>"
    page = read_page(markup, what="a page")
    assert [block.text for block in page.blocks] == ["One. Two."]
    assert {skip.reason for skip in page.skips} == {SkipReason.NUMBER_TABLE}


@pytest.mark.parametrize(
    "text", ["12", " (1,234.5) ", "$ 3 million", "12.5 %", "3° 4′", "−2", "7*"]
)
def test_a_figure_may_have_its_sign_and_unit(text: str) -> None:
    assert is_figure(text)


@pytest.mark.parametrize("text", ["", "a", "12 men at arms", "Year 1", "1 2 3 " * 20])
def test_words_are_no_figure(text: str) -> None:
    assert not is_figure(text)


def test_a_cell_of_blanks_takes_one_pass() -> None:
    assert not is_grid([["1" + " " * 200_000 + "x", "2"]] * 4)
