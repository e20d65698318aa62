import numpy as np

from training.alignment import locate_characters

PAD, COMMA, STOP = 0, 3, 4


def test_characters_are_found_in_order_and_marks_where_they_stand() -> None:
    spoken = [PAD, 50, 51, 52, COMMA, 60, 61, 62, STOP, PAD]
    ends = np.arange(2, 22, 2)  # two mel frames, one token, for each

    found = locate_characters("abcdef,gh.", spoken, ends, tokens=10)

    assert np.all(np.diff(found) >= 0)
    assert found[4] == 6
    assert found[8] == 9


def test_a_mark_the_teacher_did_not_speak_is_passed_over() -> None:
    spoken = [PAD, 50, 51, STOP, PAD]
    ends = np.arange(2, 12, 2)

    found = locate_characters('"ab".', spoken, ends, tokens=5)

    assert found[0] == 0
    assert found[3] == 4


def test_a_pause_stays_on_its_mark() -> None:
    spoken = [PAD, 50, STOP, PAD]
    ends = np.array([2, 4, 24, 26])

    found = locate_characters("a.", spoken, ends, tokens=13)

    assert np.all(found[2:12] == 1)
