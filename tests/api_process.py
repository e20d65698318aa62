"""The API as a process of its own, beside the workers of a cluster."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.cluster import Cluster, wait_for

ROOT = Path(__file__).parents[1]
START_S = 180.0
END_S = 60.0
START = "import sys; from rhapsode.cli import run; sys.exit(run(['api', '--port', sys.argv[1]]))"


class Api:
    """A `rhapsode api` process that can be killed and started again on its port."""

    def __init__(self, cluster: Cluster, environment: Mapping[str, str] | None = None) -> None:
        self.cluster = cluster
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=30)
        self._environment = (
            os.environ
            | cluster._environment
            | {
                "RHAPSODE_STORAGE__PROFILES": json.dumps(_profiles(cluster)),
                "RHAPSODE_STORAGE__PRESIGN_S": "2",
            }
            | dict(environment or {})
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with (self.cluster.folder / "api.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", START, str(self.port)],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        wait_for(self._answers, START_S, "answer of the API")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.client.close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(END_S)

    def _answers(self) -> bool:
        try:
            return self.client.get("/livez").is_success
        except httpx.TransportError:
            return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _profiles(cluster: Cluster) -> dict[str, object]:
    profiles = json.loads(cluster._environment["RHAPSODE_STORAGE__PROFILES"])
    good = profiles["default"]
    return profiles | {
        "wrong-bucket": good | {"bucket": "nobody-made-this"},
        "wrong-secret": good | {"secret_access_key": "not the secret"},
        "nobody-there": good | {"endpoint_url": "http://127.0.0.1:9", "connect_timeout_s": 0.5},
    }
