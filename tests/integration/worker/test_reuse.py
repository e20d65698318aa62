"""A book that was spoken before, with one sentence changed."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from narration.broker.interface import Task
from narration.database import session_scope
from narration.errors import DatabaseUnavailable
from narration.jobs.reuse import finish_reused
from narration.jobs.segment_claim import SegmentClaim, hand_back_segment
from narration.jobs.states import JobState
from tests.builders import claim_segment, make_text
from tests.fakes import MUMBLED
from tests.harness import WorkerHarness
from worker.rendering import reuse as worker_reuse
from worker.rendering import runner
from worker.rendering.places import Places

SENTENCES = 70  # a segment each: more than are ended in one transaction


def test_all_but_the_changed_sentence_is_ended_at_once(harness: WorkerHarness) -> None:
    harness.submit(make_text(SENTENCES))
    harness.deliver()
    spoken = len(harness.engine.spoken)
    changed = harness.submit(make_text(SENTENCES).replace("Sentence 40 ", "Another sentence "))
    harness.deliver_only(Task.PLAN)
    harness.worker.handlers[Task.RENDER]()  # the first segment, which somebody may wait to hear
    assert harness.job(changed).chunks_done == 1
    harness.worker.handlers[Task.RENDER]()
    job = harness.job(changed)
    assert (job.state, job.chunks_done) == (JobState.RENDERING, job.chunks_total - 1)
    assert job.chunks_cached == job.chunks_done
    harness.worker.handlers[Task.RENDER]()
    harness.deliver()
    assert harness.job(changed).state is JobState.SUCCEEDED
    assert len(harness.engine.spoken) == spoken + 1


def test_what_is_left_when_the_database_fails_is_handed_back(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.submit(make_text(SENTENCES))
    harness.deliver()
    spoken = len(harness.engine.spoken)
    again = harness.submit(make_text(SENTENCES))
    harness.deliver_only(Task.PLAN)
    harness.worker.handlers[Task.RENDER]()
    finishes = iter([finish_reused])
    failures = iter([DatabaseUnavailable("it is still gone")])

    def finish_once(*arguments: Any, **options: Any) -> list[int]:
        finish = next(finishes, None)
        if finish is None:
            raise DatabaseUnavailable("it is gone")
        return finish(*arguments, **options)

    def hand_back_later(*arguments: Any, **options: Any) -> bool:
        for failure in failures:
            raise failure
        return hand_back_segment(*arguments, **options)

    monkeypatch.setattr(worker_reuse, "finish_reused", finish_once)
    monkeypatch.setattr(worker_reuse, "hand_back_segment", hand_back_later)
    harness.worker.handlers[Task.RENDER]()
    job = harness.job(again)
    assert 2 < job.chunks_done < job.chunks_total
    harness.deliver()  # at the same moment: no lease has expired
    assert harness.job(again).state is JobState.SUCCEEDED
    assert len(harness.engine.spoken) == spoken


def test_others_can_claim_what_is_to_be_spoken(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = harness.settings.worker.window_segments
    harness.submit(make_text(2 * window))
    harness.deliver()
    changed = harness.submit(make_text(2 * window).replace("Sentence 5 ", "Another sentence "))
    harness.deliver_only(Task.PLAN)
    harness.worker.handlers[Task.RENDER]()
    left: list[SegmentClaim | None] = []
    leave = worker_reuse.Reuse.leave

    def leave_and_claim(self: worker_reuse.Reuse, claim: SegmentClaim) -> None:
        leave(self, claim)
        if not left:
            with session_scope(harness.database) as session:
                now = harness.now
                other = claim_segment(session, now=now, until=now, window_segments=window)
                assert other is not None
                left.append(other)
                hand_back_segment(session, other, not_before=now)

    monkeypatch.setattr(worker_reuse.Reuse, "leave", leave_and_claim)
    harness.worker.handlers[Task.RENDER]()
    harness.deliver()
    assert harness.job(changed).state is JobState.SUCCEEDED
    (other,) = left
    assert other is not None
    assert harness.chunks(changed)[other.index].spoken_text.startswith("Another")


def test_new_text_is_left_to_those_who_speak_it(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(4))
    harness.deliver_only(Task.PLAN)
    for _ in range(2):
        harness.worker.handlers[Task.RENDER]()
    assert harness.job(job_id).chunks_done == 2


def test_a_second_take_that_was_kept_is_found_again(harness: WorkerHarness) -> None:
    text = f"This one is {MUMBLED} at first and clear in the second take."
    first = harness.submit(text)
    harness.deliver()
    spoken = len(harness.engine.spoken)
    again = harness.submit(text)
    harness.deliver()
    assert len(harness.engine.spoken) == spoken
    assert [chunk.take for chunk in harness.chunks(again)] == [
        chunk.take for chunk in harness.chunks(first)
    ]
    assert harness.job(again).chunks_cached == 1


def test_threads_that_were_awake_before_one_found_nothing_do_not_look_again(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness.worker._runner, "_places", Places(8))
    may_end = threading.Event()
    claim = runner.claim_segment
    claims: list[int] = []

    def claim_late(*arguments: Any, **options: Any) -> SegmentClaim | None:
        claims.append(options["least_priority"])
        may_end.wait(5)
        return claim(*arguments, **options)

    monkeypatch.setattr(runner, "claim_segment", claim_late)
    with ThreadPoolExecutor(8) as pool:
        renders = [pool.submit(harness.worker.handlers[Task.RENDER]) for _ in range(8)]
        time.sleep(0.3)  # all but one wait for the first
        may_end.set()
        for render in renders:
            render.result()
    assert len(claims) == 2  # the second began after all of them had come
