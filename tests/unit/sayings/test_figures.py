import pytest

from tests.sayings.figures import join_numbers


@pytest.mark.parametrize(
    ("words", "figures"),
    [
        ("five", "5"),
        ("twenty one", "21"),
        ("one hundred and five", "105"),
        ("three thousand two hundred thirty four", "3234"),
        ("two million five hundred thousand", "2500000"),
        ("nineteen twenty three", "1923"),
        ("twenty first", "21th"),
        ("he had five sons and ten oxen", "he had 5 sons and 10 oxen"),
        ("no numbers", "no numbers"),
    ],
)
def test_words_of_a_number_become_its_figures(words: str, figures: str) -> None:
    assert join_numbers(words) == figures
