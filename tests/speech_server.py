"""`rhapsode serve` with a model that makes tones, as a process, for tests of streams."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.api_process import ROOT, free_port
from tests.cluster import wait_for

START_S = 120.0
END_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechServer:
    """A server's address, and the key it requires."""

    url: str
    key: str | None

    def get(self, path: str) -> Any:
        headers = {} if self.key is None else {"Authorization": f"Bearer {self.key}"}
        return httpx.get(self.url + path, headers=headers, timeout=30)

    def job(self, job_id: str) -> Any:
        return self.get(f"/v1/jobs/{job_id}").json()


@contextmanager
def serve(folder: Path, *, key: str | None = None, **options: float) -> Iterator[SpeechServer]:
    port = free_port()
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    if key is not None:
        arguments.append(f"--key={key}")
    command = [sys.executable, "-m", "tests.page_server", f"--port={port}", *arguments]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--data-dir={folder / 'data'}"], cwd=ROOT, stdout=log, stderr=log
        )
    server = SpeechServer(url=f"http://127.0.0.1:{port}", key=key)
    try:
        wait_for(lambda: _is_ready(server), START_S, "readiness")
        yield server
    finally:
        process.terminate()
        process.wait(END_S)


def _is_ready(server: SpeechServer) -> bool:
    try:
        return bool(server.get("/readyz").is_success)
    except httpx.TransportError:
        return False
