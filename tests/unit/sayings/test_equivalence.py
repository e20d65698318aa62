import pytest

from tests.sayings.equivalence import is_acceptable, is_same
from tests.sayings.suites import Case, Want


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        ("one hundred and twenty three", "one hundred twenty-three"),
        ("one twenty three", "one hundred twenty-three"),
        ("nineteen oh five", "nineteen zero five"),
        ("negative five", "minus five"),
        ("three p m", "three p.m."),
        ("the fifth of may", "May fifth"),
        ("may five", "May fifth"),
        ("january first twenty twelve", "the first of January, twenty twelve"),
        ("five dollars fifty cents", "five dollars and fifty cents"),
        ("five point five zero dollars", "five dollars and fifty cents"),
        ("five us dollars", "five dollars"),
        ("three o'clock", "three"),
        ("two over five", "two fifths"),
        ("www dot a dot com", "a dot com"),
        ("five kilometres", "five kilometers"),
        ("misses hall", "Missus Hall"),
        ("you are late", "you're late"),
        ("five - six", "five to six"),
        ("cafe", "café"),
        ("of fifteen hundred pounds", "of one thousand five hundred pounds"),
        ("ten dollars to twenty dollars", "ten to twenty dollars"),
    ],
)
def test_two_ways_to_say_one_thing_are_the_same(reading: str, said: str) -> None:
    assert is_same(reading, said)


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        ("five", "six"),
        ("five", "fifth"),
        ("may fifth", "May sixth"),
        ("march fifth", "May fifth"),
        ("five dollars", "five euros"),
        ("five dollars and five cents", "five dollars and fifty cents"),
        ("three p m", "three a.m."),
        ("minus five", "five"),
        ("five kilometers", "five miles"),
        ("five point one", "five point two"),
        ("one half", "one third"),
        ("doctor hall", "Hall"),
        ("five percent", "five"),
        ("ten to twenty", "ten twenty"),
        ("in nineteen oh five", "in one thousand nine hundred five"),
    ],
)
def test_what_a_listener_would_take_for_something_else_is_wrong(reading: str, said: str) -> None:
    assert not is_same(reading, said)


def _case(want: Want, *readings: str) -> Case:
    return Case(suite="A", kind="text", written="x", readings=readings, want=want)


def test_any_of_the_readings_of_a_case_will_do() -> None:
    case = _case(Want.EQUAL, "one half", "one over two", "first of february")
    assert is_acceptable(case, "February first")
    assert not is_acceptable(case, "one two")


def test_a_case_may_ask_for_a_part_of_what_is_said() -> None:
    case = _case(Want.CONTAINS, "five dollars")
    assert is_acceptable(case, "He paid five dollars.")
    assert not is_acceptable(case, "He paid five pounds.")


def test_a_case_may_ask_for_what_is_not_said() -> None:
    case = _case(Want.LACKS, "Dr.")
    assert is_acceptable(case, "Doctor Hall")
    assert not is_acceptable(case, "Dr. Hall")
