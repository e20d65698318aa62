from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from narration.errors import (
    DatabaseUnavailable,
    DiskFull,
    DocumentError,
    EngineDied,
    LeaseLost,
    QualityError,
    StorageFull,
    StorageUnavailable,
    VoiceNotReady,
)
from tests.builders import NOW
from worker import lease_runner
from worker.lease_runner import Reaction, Work, reaction_to, run_under_lease


@pytest.mark.parametrize(
    ("error", "reaction"),
    [
        (LeaseLost(), Reaction.DROP),
        (EngineDied(), Reaction.ABANDON),
        (StorageUnavailable(), Reaction.WAIT),
        (StorageFull(), Reaction.WAIT),
        (DatabaseUnavailable(), Reaction.WAIT),
        (DiskFull(), Reaction.WAIT),
        (VoiceNotReady(), Reaction.DEFER),
        (DocumentError(), Reaction.FAIL),
        (QualityError(), Reaction.FAIL),
        (KeyError("a bug"), Reaction.DEFER),
    ],
)
def test_class_of_an_error_decides(error: Exception, reaction: Reaction) -> None:
    assert reaction_to(error) is reaction


def make_context(sessions: Iterator[Exception | None]) -> Any:
    @contextmanager
    def session() -> Iterator[None]:
        error = next(sessions)
        if error is not None:
            raise error
        yield None

    return SimpleNamespace(
        session=session,
        settings=SimpleNamespace(step_tries=8),
        leases=SimpleNamespace(keep=lambda _: nullcontext()),
        retry_at=lambda _: NOW,
        pause_s=float,
    )


def fail(_: object) -> None:
    raise KeyError("a bug")


def unused(*_: object, **__: object) -> bool:
    raise AssertionError


@pytest.mark.parametrize(("failures", "is_handed_back"), [(0, True), (3, True), (4, False)])
def test_work_is_handed_back_once_the_database_answers_again(
    monkeypatch: pytest.MonkeyPatch, failures: int, is_handed_back: bool
) -> None:
    paused: list[float] = []
    monkeypatch.setattr(lease_runner.time, "sleep", paused.append)
    handed_back: list[object] = []
    work = Work(
        job_id="job",
        tries=1,
        renew=unused,
        hand_back=lambda *arguments: handed_back.append(arguments) is None,
        fail=unused,
    )
    sessions = iter([*[DatabaseUnavailable()] * failures, None])
    run_under_lease(make_context(sessions), work, fail)
    assert bool(handed_back) is is_handed_back
    assert paused == [1.0, 2.0, 3.0][:failures]
