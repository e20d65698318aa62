import pytest

from tests.listen.words import NOTHING_HEARD, compare, error_rate

SAID = "The captain folded the chart and looked up at the sails."


@pytest.mark.parametrize(
    "heard",
    [
        "the captain folded the chart, and looked up at the sails",
        "THE CAPTAIN FOLDED THE CHART AND LOOKED UP AT THE SAILS!",
    ],
)
def test_case_and_punctuation_are_no_errors(heard: str) -> None:
    assert compare(SAID, heard).rate == 0


def test_a_number_counts_the_same_in_words_and_in_figures() -> None:
    assert compare("There were seventeen candles.", "There were 17 candles.").errors == 0


@pytest.mark.parametrize(
    ("heard", "errors"),
    [
        ("the captain folded the chart and looked up at the snails", 1),
        ("the captain folded the chart and looked up at", 2),
        ("the old captain folded the chart and looked up at the sails", 1),
    ],
    ids=["exchanged", "lost", "added"],
)
def test_every_word_exchanged_lost_or_added_is_an_error(heard: str, errors: int) -> None:
    comparison = compare(SAID, heard)
    assert (comparison.errors, comparison.words) == (errors, 11)


def test_a_short_text_weighs_less_in_the_rate_of_many() -> None:
    wrong, right = compare("Stop it.", "Top hat."), compare(SAID, SAID)
    assert error_rate([wrong, right]) == pytest.approx(2 / 13)


@pytest.mark.parametrize("heard", ["", "Thank you.", "Where have you left my umbrella?"])
def test_what_was_not_spoken_is_missing(heard: str) -> None:
    assert compare(SAID, heard).is_missing


def test_half_of_a_text_is_not_all_of_it() -> None:
    assert compare(SAID, "sails").is_missing


def test_a_misheard_text_is_not_missing() -> None:
    comparison = compare("By Oscar Wilde.", "Buy Oskar wild.")
    assert comparison.rate == 1
    assert not comparison.is_missing


def test_nothing_heard_is_shown_as_such_and_counts_every_word() -> None:
    comparison = compare(SAID, "")
    assert (comparison.heard, comparison.rate) == (NOTHING_HEARD, 1)


def test_a_text_said_twice_is_repeated() -> None:
    assert compare(SAID, f"{SAID} {SAID}").is_repeated
    assert not compare(SAID, SAID).is_repeated


def test_an_apostrophe_of_print_is_the_typewriters() -> None:
    assert compare("The King\N{RIGHT SINGLE QUOTATION MARK}s tale", "the king's tale").errors == 0


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("Any one may come to-morrow.", "anyone may come tomorrow"),
        ("He stayed for ever.", "He stayed forever."),
        ("The northwind blew.", "The north wind blew."),
    ],
)
def test_two_words_written_as_one_are_no_error(said: str, heard: str) -> None:
    assert compare(said, heard).errors == 0


def test_a_word_lost_beside_a_compound_is_an_error() -> None:
    assert compare("any one of you", "any of you").errors == 1
