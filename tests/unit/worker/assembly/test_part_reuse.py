"""While one thread finds out whether a part is cached, others do not claim cached parts singly."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from narration.jobs.parts import PartClaim
from worker.assembly import part_reuse
from worker.assembly.part_reuse import PartReuse

WAIT_S = 5.0


def claim_of(job_id: str, index: int = 0) -> PartClaim:
    return PartClaim(job_id=job_id, index=index, owner="owner", fence=1, tries=1)


@contextmanager
def other_claims(reuse: PartReuse) -> Iterator[Future[PartClaim | None]]:
    """Claim on another thread."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(reuse.claim, lambda: claim_of("other"))


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_reuse, "WAIT_S", WAIT_S)


@pytest.mark.parametrize("ending", ["it is not cached", "all cached parts are finished"])
def test_others_claim_once_a_look_has_ended(ending: str) -> None:
    reuse = PartReuse()
    claim = reuse.claim(lambda: claim_of("job"))
    assert claim is not None
    with other_claims(reuse) as other:
        assert not other.done()
        is_cached = ending != "it is not cached"
        reuse.note(claim, is_cached=is_cached)
        if is_cached:
            with pytest.raises(TimeoutError):
                other.result(timeout=0.05)
            reuse.leave(claim)
        assert other.result(timeout=WAIT_S) == claim_of("other")


def test_nobody_waits_for_a_job_whose_last_part_was_not_cached() -> None:
    reuse = PartReuse()
    reuse.note(claim_of("job"), is_cached=False)
    assert reuse.claim(lambda: claim_of("job", 1))
    with other_claims(reuse) as other:
        assert other.result(timeout=1) == claim_of("other")


def test_a_delivery_waits_for_its_own_job_only() -> None:
    reuse = PartReuse()
    claim = reuse.claim(lambda: claim_of("job"))
    assert claim is not None
    assert reuse.claim_of("other", lambda: None) is None
    with ThreadPoolExecutor(1) as pool:
        own = pool.submit(reuse.claim_of, "job", lambda: None)
        with pytest.raises(TimeoutError):
            own.result(timeout=0.05)
        reuse.leave(claim)
        own.result(timeout=WAIT_S)


def test_who_came_before_one_found_nothing_does_not_look_again() -> None:
    reuse, looks = PartReuse(), []
    is_looking, may_end = threading.Event(), threading.Event()

    def find_nothing() -> None:
        looks.append(len(looks))
        is_looking.set()
        may_end.wait(WAIT_S)

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(reuse.claim, find_nothing)
        is_looking.wait(WAIT_S)
        others = [pool.submit(reuse.claim, find_nothing) for _ in range(7)]
        threading.Event().wait(0.1)  # all of them wait for the first
        may_end.set()
        assert [each.result(WAIT_S) for each in (first, *others)] == [None] * 8
    assert looks == [0, 1]  # the second began after all of them had come
