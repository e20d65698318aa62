"""The same races and the same neighbours as on one machine, over Postgres and a bucket."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.api_process import Api
from tests.cluster import open_cluster
from tests.contracts.api_owners import KEYS, ApiOwnersContract
from tests.contracts.api_races import ApiRacesContract
from tests.servers import Postgres, SeaweedFS, Valkey


@pytest.fixture(scope="module")
def url(
    tmp_path_factory: pytest.TempPathFactory,
    postgres: Postgres,
    valkey: Valkey,
    seaweedfs: SeaweedFS,
    request: pytest.FixtureRequest,
) -> Iterator[str]:
    """One server for a class: its tests do not mind what the others left."""
    with open_cluster(tmp_path_factory.mktemp("api"), postgres, valkey, seaweedfs) as cluster:
        api = Api(cluster, request.param)
        try:
            api.start()
            yield api.url
        finally:
            api.close()


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.mark.parametrize("url", [{}], indirect=True, ids=["without keys"])
class TestRacesOverServers(ApiRacesContract):
    pass


@pytest.mark.parametrize(
    "url", [{"RHAPSODE_API__KEYS": json.dumps(KEYS)}], indirect=True, ids=["with keys"]
)
class TestOwnersOverServers(ApiOwnersContract):
    pass
