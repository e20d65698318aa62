"""The races and owner checks of the unit tests, over Postgres and a bucket."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.api_process import Api
from tests.contracts.api_owners import KEYS, ApiOwnersContract
from tests.contracts.api_races import ApiRacesContract


@pytest.fixture
def client(shared_api: Api) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=shared_api.url, timeout=60) as client:
        yield client


@pytest.mark.parametrize("shared_api", [{}], indirect=True, ids=["without keys"])
class TestRacesOverServers(ApiRacesContract):
    pass


@pytest.mark.parametrize(
    "shared_api", [{"RHAPSODE_API__KEYS": json.dumps(KEYS)}], indirect=True, ids=["with keys"]
)
class TestOwnersOverServers(ApiOwnersContract):
    pass
