from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.contracts.api_owners import KEYS, ApiOwnersContract
from tests.contracts.api_races import ApiRacesContract


class TestRacesOnOneMachine(ApiRacesContract):
    @pytest.fixture
    def client(self, app: FastAPI) -> Iterator[TestClient]:
        with TestClient(app) as client:
            yield client


class TestOwnersOnOneMachine(ApiOwnersContract):
    @pytest.fixture
    def client(self, limited: Any) -> Iterator[TestClient]:
        with limited(api={"keys": KEYS}) as client:
            yield client
