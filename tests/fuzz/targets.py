"""The servers that are fuzzed: everything in one process, or the service over real servers."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.api_process import Api, free_port
from tests.cluster import Cluster, open_cluster, wait_for
from tests.fuzz.memory import resident_mib
from tests.servers import Postgres, SeaweedFS, Valkey
from training.tiny_checkpoint import write_checkpoint

KEY = "fuzz-key"
START_S = 120.0
END_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A running server, and the processes that it consists of."""

    url: str
    has_keys: bool
    processes: Mapping[str, int]

    def memory_mib(self) -> dict[str, float]:
        return resident_mib(self.processes)

    def answers(self) -> dict[int, int]:
        """How many requests were answered with each status so far."""
        counts: dict[int, int] = {}
        text = httpx.get(f"{self.url}/metrics", timeout=30).text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "rhapsode_http_request_seconds_count":
                    status = int(sample.labels["status"])
                    counts[status] = counts.get(status, 0) + int(sample.value)
        return counts


@contextmanager
def embedded(folder: Path, *, has_keys: bool) -> Iterator[Target]:
    """`rhapsode serve` with a model that speaks gibberish."""
    model = folder / "tiny"
    model.mkdir(parents=True)
    write_checkpoint(model, seed=0)
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "rhapsode",
        "serve",
        "--model",
        str(model),
        "--port",
        str(port),
    ]
    environment = os.environ | {"RHAPSODE_DATA_DIR": str(folder / "data")} | _keys(has_keys)
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: _is_ready(url), START_S, "readiness")
        yield Target(url=url, has_keys=has_keys, processes={"serve": process.pid})
    finally:
        process.terminate()
        process.wait(END_S)


@contextmanager
def service(
    folder: Path, postgres: Postgres, valkey: Valkey, seaweedfs: SeaweedFS, *, has_keys: bool
) -> Iterator[Target]:
    """`rhapsode api` and a worker that makes tones."""
    folder.mkdir(parents=True)
    with (
        open_cluster(folder, postgres, valkey, seaweedfs) as cluster,
        _api(cluster, has_keys) as api,
    ):
        worker = cluster.start_worker()
        wait_for(lambda: _is_ready(api.url), START_S, "readiness")
        processes = {"api": api.pid, "worker": worker.pid}
        yield Target(url=api.url, has_keys=has_keys, processes=processes)


@contextmanager
def _api(cluster: Cluster, has_keys: bool) -> Iterator[Api]:
    api = Api(cluster, _keys(has_keys))
    try:
        api.start()
        yield api
    finally:
        api.close()


def _keys(has_keys: bool) -> dict[str, str]:
    if not has_keys:
        return {}
    return {"RHAPSODE_API__KEYS": json.dumps({"ann": KEY}), "RHAPSODE_API__ADMINS": "ann"}


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=30).is_success
    except httpx.TransportError:
        return False
