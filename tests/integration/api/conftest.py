"""A cluster of its own for every test, and the API in front of it."""

from collections.abc import Iterator
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
    api = Api(cluster)
    try:
        api.start()
        yield api
    finally:
        api.close()
