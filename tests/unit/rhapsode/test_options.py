import pytest

from narration.errors import SettingsError
from rhapsode.commands.options import chapter_numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (None, None),
        ("2", (2,)),
        ("1,3-5", (1, 3, 4, 5)),
        (" 5 - 6 , 1", (1, 5, 6)),
        ("3,3,2-3", (2, 3)),
    ],
)
def test_chapters_are_listed_as_people_list_pages(
    text: str | None, numbers: tuple[int, ...] | None
) -> None:
    assert chapter_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", "0", "-3", "5-3", "one", "1,,2", "1-", "1-99999999", "1;2"])
def test_other_lists_of_chapters_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="--chapters"):
        chapter_numbers(text)
