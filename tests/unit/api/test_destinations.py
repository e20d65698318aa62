"""A destination is test-written once in ten minutes, and failures are not remembered."""

from typing import Any

import pytest

from api.destinations import CHECKED_FOR_S, DestinationCheck
from narration.errors import OutputError
from narration.jobs.submit import Destination
from narration.storage.profiles import Stores

BOOKS = Destination(profile="default", prefix="books")


class CountingStore:
    def __init__(self) -> None:
        self.checked: list[str] = []
        self.is_refusing = False

    def check_writable(self, prefix: str) -> None:
        self.checked.append(prefix)
        if self.is_refusing:
            raise OutputError("the store refuses")


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def check(store: Any, now: list[float]) -> DestinationCheck:
    return DestinationCheck(Stores(profiles={"default": store}, work=store), lambda: now[0])


def test_success_is_remembered_for_ten_minutes(
    check: DestinationCheck, store: CountingStore, now: list[float]
) -> None:
    check.require(BOOKS)
    now[0] = CHECKED_FOR_S - 1
    check.require(BOOKS)
    assert len(store.checked) == 1
    now[0] = CHECKED_FOR_S
    check.require(BOOKS)
    assert len(store.checked) == 2


def test_each_folder_is_checked_for_itself(check: DestinationCheck, store: CountingStore) -> None:
    check.require(BOOKS)
    check.require(Destination(profile="default", prefix="films"))
    assert store.checked == ["books", "films"]


def test_refusal_is_not_remembered(check: DestinationCheck, store: CountingStore) -> None:
    store.is_refusing = True
    with pytest.raises(OutputError):
        check.require(BOOKS)
    store.is_refusing = False
    check.require(BOOKS)
    assert len(store.checked) == 2
