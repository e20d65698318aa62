"""A service with the API in front of it: one for every test, or one for a whole module."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.api_process import Api
from tests.cluster import Cluster, open_cluster
from tests.servers import Postgres, SeaweedFS, Valkey


@pytest.fixture
def cluster(
    tmp_path: Path, postgres: Postgres, valkey: Valkey, seaweedfs: SeaweedFS
) -> Iterator[Cluster]:
    with open_cluster(tmp_path, postgres, valkey, seaweedfs) as cluster:
        yield cluster


@pytest.fixture
def api(cluster: Cluster) -> Iterator[Api]:
    with _started(Api(cluster)) as api:
        yield api


@pytest.fixture(scope="module")
def shared_api(
    tmp_path_factory: pytest.TempPathFactory,
    postgres: Postgres,
    valkey: Valkey,
    seaweedfs: SeaweedFS,
    request: pytest.FixtureRequest,
) -> Iterator[Api]:
    """For tests that data of other tests does not disturb; a parameter adds to its environment."""
    environment = getattr(request, "param", {})
    with (
        open_cluster(tmp_path_factory.mktemp("api"), postgres, valkey, seaweedfs) as cluster,
        _started(Api(cluster, environment)) as api,
    ):
        yield api


@contextmanager
def _started(api: Api) -> Iterator[Api]:
    try:
        api.start()
        yield api
    finally:
        api.close()
