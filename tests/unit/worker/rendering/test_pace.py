from worker.rendering.pace import WINDOW_S, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_pace_is_unknown_until_enough_was_spoken() -> None:
    clock = Clock()
    pace = Pace(clock)
    with pace.at_work():
        clock.now += WINDOW_S / 2
        pace.add_speech(40.0)
    assert pace.rate is None


def test_time_without_work_does_not_count() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(4):
        with pace.at_work():
            clock.now += WINDOW_S / 2
            pace.add_speech(10 * WINDOW_S / 2)
        clock.now += 1000
    assert pace.rate == 10


def test_two_segments_at_once_are_one_time_at_work() -> None:
    clock = Clock()
    pace = Pace(clock)
    with pace.at_work(), pace.at_work():
        clock.now += WINDOW_S
        pace.add_speech(6 * WINDOW_S)
    assert pace.rate == 6


def test_a_slow_window_says_less_than_full_ones() -> None:
    clock = Clock()
    pace = Pace(clock)
    with pace.at_work():
        for rate in (20, 20, 20, 1, 20):
            clock.now += WINDOW_S
            pace.add_speech(rate * WINDOW_S)
    assert pace.rate == 20


def test_work_that_makes_no_speech_is_no_pace() -> None:
    clock = Clock()
    pace = Pace(clock)
    with pace.at_work():
        clock.now += 2 * WINDOW_S
    assert pace.rate is None
