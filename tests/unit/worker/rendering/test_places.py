from contextlib import ExitStack

from narration.jobs.create import URGENT_PRIORITY
from worker.rendering.places import Places


def test_beside_the_ordinary_places_only_the_urgent_is_spoken() -> None:
    places = Places(2)
    with ExitStack() as stack:
        taken = [stack.enter_context(places.take()) for _ in range(3)]
        assert [place.least_priority for place in taken] == [0, 0, URGENT_PRIORITY]


def test_a_wakeup_that_found_no_place_is_passed_on_by_the_next_that_ends() -> None:
    places = Places(1)
    with places.take() as ordinary, places.take():
        pass
    assert ordinary.is_missed
    with places.take() as later:
        pass
    assert not later.is_missed
