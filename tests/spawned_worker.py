"""Worker processes, forked from one that has everything imported, so that they start quickly.

They make tones, or speak with the checkpoint of the settings, if there is one.
"""

import multiprocessing
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from narration.broker.interface import Queue
from narration.settings import PREFIX, Settings, load_settings
from narration.storage import s3
from tests.bench.process_tree import family
from tests.fakes import ToneEngine, make_model
from worker.app import run_worker
from worker.process import LoadedModel

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

assert s3  # loaded here, so that no child has to

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])
END_S = 20.0
ENGINE = b"worker.engine_main"


class SpawnedWorker:
    """A running worker, with the interface of subprocess.Popen."""

    def __init__(
        self,
        queues: str,
        chunk_s: float,
        environment: dict[str, str],
        log: Path,
        *,
        engine_threads: int = 2,
    ) -> None:
        self._process: BaseProcess = _FORKS.Process(
            target=_run, args=(queues, chunk_s, engine_threads, environment, str(log))
        )
        self._process.start()
        self.log = log

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def engine_pid(self) -> int | None:
        """The id of the process of its engine, if that has one of its own."""
        for pid in family(self.pid):
            with suppress(OSError):
                if ENGINE in Path(f"/proc/{pid}/cmdline").read_bytes():
                    return pid
        return None

    def send(self, number: int) -> None:
        if self._process.is_alive():
            os.kill(self.pid, number)

    def wait(self, timeout_s: float) -> int:
        """Return the exit code; minus the number of the signal if one ended it."""
        self._process.join(timeout_s)
        if self._process.exitcode is None:
            raise TimeoutError(f"the worker still runs after {timeout_s} s")
        return self._process.exitcode

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def end(self, number: int = signal.SIGTERM) -> int:
        self.send(signal.SIGCONT)
        self.send(number)
        try:
            return self.wait(END_S)
        except TimeoutError:
            self.send(signal.SIGKILL)
            return self.wait(END_S)


def _run(
    queues: str, chunk_s: float, engine_threads: int, environment: dict[str, str], log: str
) -> None:
    stream = os.open(log, os.O_WRONLY | os.O_CREAT)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    # The fork server has the environment of the test that started it, with that test's settings.
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        del os.environ[name]
    os.environ.update(environment)
    names = frozenset(Queue(name) for name in queues.split(","))
    code = run_worker(
        load_settings(), names, lambda settings: _model(settings, chunk_s, engine_threads)
    )
    os._exit(code)  # like a separate process: without the clean-up of the fork server


def _model(settings: Settings, chunk_s: float, engine_threads: int) -> LoadedModel:
    checkpoint = Path(settings.model.checkpoint)
    if not checkpoint.is_absolute():
        return make_model(ToneEngine(threads=engine_threads, chunk_s=chunk_s))
    from worker.model import load_model

    return load_model(settings)
