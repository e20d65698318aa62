"""The whole service on one machine, as it is deployed: servers, API, workers, a sweeper."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from narration.clock import utc_now
from narration.database import make_engine, session_scope
from narration.migrate import migrate
from narration.settings import S3Profile
from narration.workers import warm_workers
from tests.api_process import free_port
from tests.bench.process_tree import cpu_s, family, memory_mb
from tests.bench.tones import TONES
from tests.servers import Postgres, SeaweedFS, Valkey

ROOT = Path(__file__).parents[2]
START = "from rhapsode.cli import main; main()"
# Accepts the first take of a text that somebody waits for, whatever it sounds like.
ONE_TAKE = f"import api.speech_bodies as bodies; bodies.SPEECH_TAKES = 1; {START}"
SPEAK_TONES = "from tests.bench.tones import main; main()"
END_S = 60.0
POLL_S = 0.2


class Service:
    """A running service; each GPU in `cards` has a worker; without GPUs there is one worker.

    The model `tones` needs no GPU, however many `cards` there are: see tests.bench.tones.
    """

    def __init__(
        self,
        folder: Path,
        servers: tuple[Postgres, Valkey, SeaweedFS],
        *,
        model: str,
        cards: list[int],
        cpu_workers: int,
        caches: Path | None = None,
        api: str = START,
        **settings: Any,
    ) -> None:
        postgres, valkey, seaweedfs = servers
        self.folder = folder
        self.store_folder = seaweedfs.folder
        self.database_url = postgres.new_database()
        migrate(self.database_url)
        self.database = make_engine(self.database_url)
        profile = seaweedfs.profile(seaweedfs.new_bucket())
        self._environment = os.environ | {
            "RHAPSODE_DATA_DIR": str(data_folder(folder, caches)),
            "RHAPSODE_DATABASE__URL": self.database_url,
            "RHAPSODE_BROKER__URL": valkey.url,
            "RHAPSODE_STORAGE__PROFILES": json.dumps({"default": _plain(profile)}),
            **({} if model == TONES else {"RHAPSODE_MODEL__CHECKPOINT": model}),
            "RHAPSODE_TELEMETRY__LOG_FORMAT": "json",
            **{f"RHAPSODE_{name.upper()}": json.dumps(value) for name, value in settings.items()},
        }
        self._pids = {
            "postgres": postgres.pid, "valkey": valkey.pid, "seaweedfs": seaweedfs.pid,
        }  # fmt: skip
        self._processes: list[subprocess.Popen[bytes]] = []
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._start("api", "api", "--port", str(port), start=api)
        self._start("sweeper", "sweeper")
        for number in range(cpu_workers):
            self._start(f"cpu worker {number}", "worker", "--queue", "cpu")
        start = SPEAK_TONES if model == TONES else START
        for card in cards:
            one = {"CUDA_VISIBLE_DEVICES": str(card)}
            self._start(f"gpu worker {card}", "worker", "--queue", "gpu", start=start, **one)
        if not cards:
            self._start("speaking worker", "worker", "--queue", "gpu", start=start)
        self.workers = max(1, len(cards))

    def wait_until_ready(self, timeout_s: float) -> None:
        """Return once workers are warm and the API answers; raise the output of one that ended."""
        ends_at = time.monotonic() + timeout_s
        while time.monotonic() < ends_at:
            if any(process.poll() is not None for process in self._processes):
                break
            if self._warm_workers() >= self.workers and self._is_answering():
                return
            time.sleep(POLL_S)
        logs = "\n".join(log.read_text()[-1500:] for log in sorted(self.folder.glob("*.log")))
        raise RuntimeError(f"the service did not become ready within {timeout_s:.0f} s\n{logs}")

    def processes(self) -> dict[str, tuple[float, float]]:
        """Return seconds of processor time and megabytes of memory, by process."""
        return {name: (cpu_s(pid), memory_mb(family(pid))) for name, pid in self._pids.items()}

    def close(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.database.dispose()

    def _start(self, name: str, *arguments: str, start: str = START, **environment: str) -> None:
        with (self.folder / f"{name.replace(' ', '-')}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", start, *arguments],
                cwd=ROOT,
                env=self._environment | environment,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        self._pids[name] = process.pid

    def _is_answering(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/livez").is_success
        return False

    def _warm_workers(self) -> int:
        with session_scope(self.database, is_read_only=True) as session:
            return len(warm_workers(session, now=utc_now()))


def data_folder(folder: Path, caches: Path | None) -> Path:
    """Return a new data directory; the engine keeps compiled code in `caches`, if given."""
    data = folder / "data"
    data.mkdir()
    if caches is not None:
        caches.mkdir(exist_ok=True)
        (data / "engine").symlink_to(caches.absolute())
    return data


@contextmanager
def open_service(folder: Path, **settings: Any) -> Iterator[Service]:
    """Start servers and a service that uses them; stop all of them afterwards."""
    with ExitStack() as stack:
        servers = (
            stack.enter_context(closing(Postgres(is_durable=True))),
            stack.enter_context(closing(Valkey())),
            stack.enter_context(closing(SeaweedFS(volume_mb=1024))),
        )
        yield stack.enter_context(closing(Service(folder, servers, **settings)))


def _plain(profile: S3Profile) -> dict[str, Any]:
    return {
        name: value.get_secret_value() if hasattr(value, "get_secret_value") else value
        for name, value in profile
        if value is not None
    }
