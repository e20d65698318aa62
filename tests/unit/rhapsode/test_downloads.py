"""The log shows the progress of a download; a hub that does not answer is tried again."""

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from narration.errors import NotFoundError, TransientError
from rhapsode.downloads import DownloadLog, patiently
from worker.chatterbox.hub import PullProgress


class Time:
    def __init__(self) -> None:
        self.now_s = 0.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, pause_s: float) -> None:
        self.now_s += pause_s


def failing(times: int, error: Exception) -> Callable[[], int]:
    left = [error] * times

    def attempt() -> int:
        if left:
            raise left.pop()
        return times

    return attempt


def step(done_mb: int) -> PullProgress:
    return PullProgress(file="t3", done_bytes=done_mb * 10**6, total_bytes=10**9)


def test_progress_is_logged_at_intervals_and_at_the_end() -> None:
    time = Time()
    told = DownloadLog("english", time.clock)
    with capture_logs() as events:
        for done_mb in range(0, 1001, 10):
            told.note(step(done_mb))
            time.sleep(0.25)
    assert [event["percent"] for event in events] == [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    assert events[0]["model"] == "english"
    assert events[0]["total_mb"] == 1000


def test_hub_that_comes_back_is_asked_again() -> None:
    time = Time()
    with capture_logs() as events:
        tries = patiently(
            failing(3, TransientError("no answer")), 60, clock=time.clock, sleep=time.sleep
        )
    assert tries == 3
    assert [event["reason"] for event in events] == ["no answer"] * 3


def test_patience_ends() -> None:
    time = Time()
    with pytest.raises(TransientError), capture_logs():
        patiently(failing(99, TransientError()), 60, clock=time.clock, sleep=time.sleep)
    assert 25 < time.now_s <= 60


def test_what_waiting_does_not_mend_is_told_at_once() -> None:
    time = Time()
    with pytest.raises(NotFoundError):
        patiently(failing(1, NotFoundError()), 60, clock=time.clock, sleep=time.sleep)
    assert time.now_s == 0
