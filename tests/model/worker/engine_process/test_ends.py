"""What happens when an engine's process or its worker ends, and how."""

import fcntl
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from narration.errors import EngineDied
from narration.settings import Settings
from tests.model.worker.engine.fakes import wait_until
from tests.model.worker.engine_process.processes import (
    TEXTS,
    TIMEOUT_S,
    pid,
    state_of,
    utterance,
    wait_for_end,
)
from worker.engine.admission import FIRST
from worker.engine_process.client import EngineClient
from worker.model import load_model
from worker.process import LoadedModel

ROOT = Path(__file__).parents[4]
ORPHAN = """
import sys, time
from pathlib import Path
from narration.settings import load_settings
from worker import cards
from worker.model import load_model
assert cards._lock(Path(sys.argv[1]))
print(load_model(load_settings()).engine.pid, flush=True)
time.sleep(600)
"""


class TestEnds:
    def test_a_lost_process_fails_what_is_under_way(self, dying: LoadedModel) -> None:
        under_way = dying.engine.submit(utterance(dying, TEXTS[2] * 8))
        os.kill(pid(dying), signal.SIGKILL)
        with pytest.raises(EngineDied, match="was ended by signal 9"):
            under_way.result(TIMEOUT_S)
        assert not dying.engine.is_alive()
        with pytest.raises(EngineDied):
            dying.engine.submit(utterance(dying, TEXTS[0]))
        with pytest.raises(EngineDied):
            dying.voice_maker.make(Path("recording.wav"))

    def test_callers_that_wait_for_a_place_do_not_wait_for_ever(self, dying: LoadedModel) -> None:
        os.kill(pid(dying), signal.SIGSTOP)
        with ThreadPoolExecutor(3 * FIRST) as pool:
            waiting = [
                pool.submit(
                    lambda: dying.engine.submit(utterance(dying, TEXTS[0])).result(TIMEOUT_S)
                )
                for _ in range(3 * FIRST)
            ]
            engine = dying.engine
            assert isinstance(engine, EngineClient)
            wait_until(lambda: engine._admission.waiting)
            os.kill(pid(dying), signal.SIGKILL)
            for one in waiting:
                with pytest.raises(EngineDied):
                    one.result(TIMEOUT_S)

    def test_signals_to_end_are_the_workers(self, dying: LoadedModel) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(pid(dying), number)
        assert len(dying.engine.submit(utterance(dying, TEXTS[0])).result(TIMEOUT_S).waveform)

    def test_closing_finishes_what_is_under_way_and_ends_the_process(
        self, settings: Settings
    ) -> None:
        model = load_model(settings)
        spoken = [model.engine.submit(utterance(model, text)) for text in TEXTS]
        model.engine.close()
        assert all(len(one.result(0).waveform) for one in spoken)
        assert state_of(pid(model)) == ""
        with pytest.raises(EngineDied):
            model.engine.submit(utterance(model, TEXTS[0]))

    def test_the_process_ends_with_its_worker_and_keeps_its_card_until_then(
        self, settings: Settings, tmp_path: Path
    ) -> None:
        environment = os.environ | {
            "RHAPSODE_MODEL__CHECKPOINT": settings.model.checkpoint,
            "RHAPSODE_MODEL__HAS_OWN_PROCESS": "true",
            "RHAPSODE_DATA_DIR": str(settings.data_dir),
        }
        lock = tmp_path / "GPU-0.lock"
        command = [sys.executable, "-c", ORPHAN, str(lock)]
        worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        with worker:
            assert worker.stdout is not None
            try:
                engine = int(worker.stdout.readline())
                os.kill(engine, signal.SIGSTOP)
            finally:
                worker.kill()
        with lock.open() as file:
            with pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.kill(engine, signal.SIGCONT)
            fcntl.flock(file, fcntl.LOCK_EX)
        wait_for_end(engine)
