"""The API as a process of its own, beside the workers of a cluster."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cluster import ROOT, Cluster, end_worker, open_cluster, wait_for
from tests.servers import Postgres, SeaweedFS, Valkey

START = "import sys; from rhapsode.cli import run; sys.exit(run(['api', '--port', sys.argv[1]]))"


class Api:
    """A `rhapsode api` process that can be killed and started again on its port."""

    def __init__(self, cluster: Cluster, seaweedfs: SeaweedFS) -> None:
        self.cluster = cluster
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.client = httpx.Client(base_url=self.url, timeout=30)
        self._environment = cluster._environment | {
            "RHAPSODE_STORAGE__PROFILES": json.dumps(_profiles(cluster, seaweedfs)),
            "RHAPSODE_STORAGE__PRESIGN_S": "2",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.cluster.folder / "api.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", START, str(self._port)],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        wait_for(self._answers, 60, "answer of the API")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.client.close()
        if self._process is not None:
            end_worker(self._process)

    def _answers(self) -> bool:
        try:
            return self.client.get("/livez").is_success
        except httpx.TransportError:
            return False


def _profiles(cluster: Cluster, seaweedfs: SeaweedFS) -> dict[str, object]:
    profiles = json.loads(cluster._environment["RHAPSODE_STORAGE__PROFILES"])
    good = profiles["default"]
    return profiles | {
        "wrong-bucket": good | {"bucket": "nobody-made-this"},
        "wrong-secret": good | {"secret_access_key": "not the secret"},
        "nobody-there": good | {"endpoint_url": "http://127.0.0.1:9", "connect_timeout_s": 0.5},
    }


@pytest.fixture
def cluster(
    tmp_path: Path, postgres: Postgres, valkey: Valkey, seaweedfs: SeaweedFS
) -> Iterator[Cluster]:
    with open_cluster(tmp_path, postgres, valkey, seaweedfs) as cluster:
        yield cluster


@pytest.fixture
def api(cluster: Cluster, seaweedfs: SeaweedFS) -> Iterator[Api]:
    api = Api(cluster, seaweedfs)
    try:
        api.start()
        yield api
    finally:
        api.close()
