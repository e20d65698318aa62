"""The first sound of a text is heard before it is stored, and equals what is stored."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import pytest

from tests.api_process import Api
from tests.builders import make_text
from tests.cluster import Cluster, open_cluster
from tests.servers import Postgres, SeaweedFS, Valkey

BODY = {"model": "rhapsode", "response_format": "pcm"}
WAIT_S = 30.0


@pytest.fixture(scope="module")
def cluster(
    tmp_path_factory: pytest.TempPathFactory,
    postgres: Postgres,
    valkey: Valkey,
    seaweedfs: SeaweedFS,
) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("first_sounds")
    with open_cluster(folder, postgres, valkey, seaweedfs) as cluster:
        cluster.start_worker("gpu", chunk_s=0.5)  # long enough for the API to listen by then
        cluster.wait_until_ready()
        yield cluster


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Iterator[Api]:
    api = Api(cluster)
    try:
        api.start()
        yield api
    finally:
        api.close()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def speak(api: Api, text: str) -> Any:
    return api.client.stream("POST", "/v1/audio/speech", json={**BODY, "input": text}, timeout=60)


def test_the_first_sound_is_heard_while_the_store_does_not_answer(
    cluster: Cluster, api: Api
) -> None:
    with frozen(cluster.seaweedfs.pid) as _, speak(api, make_text(6, name="frozen")) as answer:
        assert answer.status_code == HTTPStatus.OK
        blocks = answer.iter_raw()
        early = next(blocks)
        assert early
        os.kill(cluster.seaweedfs.pid, signal.SIGCONT)
        whole = early + b"".join(blocks)
    # Heard again, every chunk comes from the store: the same sound, to the byte.
    with speak(api, make_text(6, name="frozen")) as answer:
        assert answer.read() == whole
