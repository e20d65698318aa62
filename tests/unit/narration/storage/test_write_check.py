"""A destination is test-written once in ten minutes, and failures are not remembered."""

from typing import Any

import pytest

from narration.errors import OutputError
from narration.storage.profiles import Stores
from narration.storage.write_check import CHECKED_FOR_S, WriteCheck

BOOKS = ("default", "books")


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
def check(store: Any, now: list[float]) -> WriteCheck:
    return WriteCheck(Stores(profiles={"default": store}, work=store), lambda: now[0])


def test_success_is_remembered_for_ten_minutes(
    check: WriteCheck, store: CountingStore, now: list[float]
) -> None:
    check.require(*BOOKS)
    now[0] = CHECKED_FOR_S - 1
    check.require(*BOOKS)
    assert len(store.checked) == 1
    now[0] = CHECKED_FOR_S
    check.require(*BOOKS)
    assert len(store.checked) == 2


def test_each_folder_is_checked_for_itself(check: WriteCheck, store: CountingStore) -> None:
    check.require(*BOOKS)
    check.require("default", "films")
    assert store.checked == ["books", "films"]


def test_refusal_is_not_remembered(check: WriteCheck, store: CountingStore) -> None:
    store.is_refusing = True
    with pytest.raises(OutputError):
        check.require(*BOOKS)
    store.is_refusing = False
    check.require(*BOOKS)
    assert len(store.checked) == 2
