"""The client of an engine that misbehaves: nobody waits for ever, and the reason is known."""

import errno
import os
import pickle
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from narration.errors import EngineDied
from narration.settings import ModelSettings, TelemetrySettings
from tests.model.worker.engine.fakes import utterance, wait_until
from tests.model.worker.engine_process import scripted_main
from tests.model.worker.engine_process.processes import TIMEOUT_S, wait_for_end
from worker.engine_process import client
from worker.engine_process.client import EngineClient, start_engine
from worker.engine_process.messages import Start

ROOT = Path(__file__).parents[4]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineClient]:
    monkeypatch.setattr(client, "ENTRY", scripted_main.__name__)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # Modules in the folder of the user are none of ours.
    (tmp_path / "narration.py").write_text("raise SystemExit('the wrong module')")
    monkeypatch.chdir(tmp_path)
    start = Start(
        folder=tmp_path,
        cache_folder=tmp_path,
        model=ModelSettings(),
        telemetry=TelemetrySettings(),
    )
    engine, _ = start_engine(start)
    with closing(engine):
        yield engine


def say(engine: EngineClient, text: str) -> Any:
    return engine.submit(utterance(text)).result(TIMEOUT_S)


def test_a_bug_fails_one_utterance(engine: EngineClient) -> None:
    with pytest.raises(RuntimeError, match="KeyError: 'a bug'"):
        say(engine, "bug")
    assert len(say(engine, "And on.").waveform)


def test_an_idle_engine_that_dies_is_noticed_and_logged(engine: EngineClient) -> None:
    with capture_logs() as logs:
        say(engine, "die")
        wait_until(lambda: not engine.is_alive())
    assert [(one["event"], one["log_level"]) for one in logs] == [("engine_died", "error")]
    assert logs[0]["reason"] == "the engine's process ended with exit code 70"
    with pytest.raises(EngineDied):
        say(engine, "Too late.")


@pytest.mark.parametrize("text", ["unsendable", "unreadable"])
def test_an_answer_that_does_not_arrive_ends_the_engine(engine: EngineClient, text: str) -> None:
    with capture_logs() as logs, pytest.raises(EngineDied):
        say(engine, text)
    assert "engine_died" in [one["event"] for one in logs]


def test_a_cancelled_utterance_is_gone_before_the_next_comes(
    engine: EngineClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = engine._cancel

    def cancel_slowly(number: int) -> None:
        time.sleep(0.2)
        cancel(number)

    monkeypatch.setattr(engine, "_cancel", cancel_slowly)
    waits = engine.submit(utterance("wait"))
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(say, engine, "Next.")
        wait_until(lambda: engine._admission.waiting)  # the process takes one
        waits.cancel()
        assert len(following.result(TIMEOUT_S).waveform)


def test_a_voice_that_cannot_be_sent_leaves_nothing_behind(engine: EngineClient) -> None:
    good = utterance("Hello.")
    bad: Any = replace(good.voice, speaker=lambda: None)  # cannot be pickled
    for _ in range(3):
        with pytest.raises((pickle.PicklingError, AttributeError)):
            engine.submit(replace(good, voice=bad))
    assert len(engine.submit(good).result(TIMEOUT_S).waveform)
    assert not engine._pending
    wait_until(lambda: not sum(engine._admission.inside.values()))


def test_why_the_engine_died_arrives(engine: EngineClient) -> None:
    with pytest.raises(EngineDied, match="the stage broke"):
        say(engine, "break")


def test_closing_does_not_wait_for_a_process_that_hangs(
    engine: EngineClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "EXIT_S", 0.3)
    os.kill(engine.pid, signal.SIGSTOP)
    for _ in range(600):  # more than the pipe takes
        engine.submit(utterance("wait")).cancel()
    with capture_logs() as logs:
        engine.close()
    wait_for_end(engine.pid)
    assert not logs
    engine.close()


def test_the_cause_of_an_error_arrives(engine: EngineClient) -> None:
    with pytest.raises(EngineDied) as caught:
        say(engine, "full")
    cause = caught.value.__cause__
    assert isinstance(cause, OSError)
    assert cause.errno == errno.ENOSPC


def test_the_signals_of_a_terminal_do_not_reach_it(engine: EngineClient) -> None:
    assert os.getpgid(engine.pid) != os.getpgid(0)
