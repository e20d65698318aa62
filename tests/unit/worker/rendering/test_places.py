from contextlib import ExitStack

from narration.jobs.create import URGENT_PRIORITY
from worker.engine.types import NORMAL_PRIORITY
from worker.rendering.places import BEGINNINGS, Places


def test_beside_the_ordinary_places_only_new_and_urgent_jobs_are_spoken() -> None:
    places = Places(2)
    with ExitStack() as stack:
        taken = [stack.enter_context(places.take()) for _ in range(2 + BEGINNINGS + 1)]
        assert [place.is_ordinary for place in taken] == [True] * 2 + [False] * (BEGINNINGS + 1)
        assert {place.least_priority for place in taken[:2]} == {0}
        assert {place.least_priority for place in taken[2:-1]} == {NORMAL_PRIORITY}
        assert taken[-1].least_priority == URGENT_PRIORITY
    with ExitStack() as stack:
        taken = [stack.enter_context(places.take()) for _ in range(2 + BEGINNINGS)]
        assert taken[-1].least_priority == NORMAL_PRIORITY


def test_a_new_job_that_found_no_place_is_looked_for_by_the_next_beginning_that_ends() -> None:
    places = Places(0)
    with ExitStack() as stack:
        beginnings = [stack.enter_context(places.take()) for _ in range(BEGINNINGS)]
        with places.take() as urgent:
            assert urgent.least_priority == URGENT_PRIORITY
    assert sum(place.is_missed for place in beginnings) == 1
    with places.take() as later:
        pass
    assert not later.is_missed  # or its wake-up would cause the next one, for ever


def test_a_wakeup_that_found_no_place_is_passed_on_by_the_next_that_ends() -> None:
    places = Places(1)
    with places.take() as ordinary, places.take():
        pass
    assert ordinary.is_missed
    with places.take() as later:
        pass
    assert not later.is_missed
