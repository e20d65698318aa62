from pathlib import Path

import pytest

from narration.errors import OutputError
from narration.storage.directory import DirectoryStorage
from tests.contracts.storage import StorageContract


@pytest.fixture
def store(tmp_path: Path) -> DirectoryStorage:
    return DirectoryStorage(tmp_path / "objects")


class TestDirectory(StorageContract):
    pass


def test_link_out_of_the_directory_is_not_followed(store: DirectoryStorage, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    store.put("inside", b"")
    (tmp_path / "objects" / "link").symlink_to(outside)
    with pytest.raises(OutputError, match="out of"):
        store.put("link/file", b"")


def test_readers_never_see_half_a_file(store: DirectoryStorage, tmp_path: Path) -> None:
    store.put("a/b", b"1")
    assert [path.name for path in (tmp_path / "objects" / "a").iterdir()] == ["b"]


def test_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="file"):
        DirectoryStorage(tmp_path / "file").put("k", b"")
