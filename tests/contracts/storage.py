"""The contract of every object store; subclasses provide a `store`."""

import hashlib
import io
import threading
from contextlib import closing
from pathlib import Path

import pytest

from narration.errors import NotFoundError, OutputError
from narration.storage.interface import Storage

MIB = 1024 * 1024


class StorageContract:
    """Put, get, open, find and delete, completely or not at all."""

    @pytest.mark.parametrize("size", [0, 1, 1000, 12 * MIB])
    def test_content_is_read_back(self, store: Storage, size: int) -> None:
        data = bytes(range(256)) * (size // 256 + 1)
        data = data[:size]
        stored = store.put("a/b", data)
        assert (stored.size_bytes, stored.is_new) == (size, True)
        assert store.get("a/b") == data
        assert store.stat("a/b").size_bytes == size

    def test_stream_and_file_are_stored_like_bytes(self, store: Storage, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"content")
        digests = {
            store.put("bytes", b"content").sha256,
            store.put("file", path).sha256,
            store.put("stream", io.BytesIO(b"content")).sha256,
        }
        assert len(digests) == 1
        assert store.get("file") == store.get("stream") == b"content"

    def test_object_is_streamed(self, store: Storage) -> None:
        store.put("long", b"x" * (2 * MIB))
        with store.open("long") as stream:
            assert stream.read(10) == b"x" * 10
            assert len(stream.read()) == 2 * MIB - 10

    def test_missing_object_is_named(self, store: Storage) -> None:
        assert store.stat("nothing") is None
        with pytest.raises(NotFoundError, match="nothing"):
            store.get("nothing")

    def test_plain_put_replaces(self, store: Storage) -> None:
        store.put("k", b"old")
        store.put("k", b"new")
        assert store.get("k") == b"new"

    @pytest.mark.parametrize("size", [3, 6 * MIB])
    def test_write_once_keeps_the_first(self, store: Storage, size: int) -> None:
        assert store.put("k", b"a" * size, is_write_once=True).is_new
        assert not store.put("k", b"b" * size, is_write_once=True).is_new
        assert store.get("k") == b"a" * size

    def test_of_many_write_once_writers_one_wins(self, store: Storage) -> None:
        wins: list[bool] = []

        def write(number: int) -> None:
            wins.append(store.put("race", b"%d" % number, is_write_once=True).is_new)

        threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(wins) == [False] * 7 + [True]

    def test_folder_is_listed_and_deleted_alone(self, store: Storage) -> None:
        for key in ("jobs/1/a", "jobs/1/deep/b", "jobs/10/c"):
            store.put(key, b"")
        assert sorted(found.key for found in store.find("jobs/1/")) == ["jobs/1/a", "jobs/1/deep/b"]
        assert store.delete_prefix("jobs/1/") == 2
        assert [found.key for found in store.find("jobs/")] == ["jobs/10/c"]

    def test_deleting_what_is_not_there_is_no_error(self, store: Storage) -> None:
        store.delete("nothing")
        assert store.delete_prefix("nothing/") == 0

    @pytest.mark.parametrize(
        "key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a\\b", "a\nb", "a/"]
    )
    def test_key_that_leads_astray_is_refused(self, store: Storage, key: str) -> None:
        with pytest.raises(OutputError):
            store.put(key, b"")
        with pytest.raises(OutputError):
            store.open(key)
        with pytest.raises(OutputError):
            store.begin_upload(key)

    def test_broken_source_leaves_nothing(self, store: Storage) -> None:
        class Broken(io.RawIOBase):
            def __init__(self) -> None:
                self.left = 7

            def read(self, size: int = -1) -> bytes:
                self.left -= 1
                if not self.left:
                    raise ConnectionResetError
                return b"x" * MIB

        with pytest.raises((ConnectionResetError, OutputError)):
            store.put("broken", Broken())
        assert store.stat("broken") is None

    @pytest.mark.parametrize("size", [0, 100, 12 * MIB, 23 * MIB + 5])
    def test_a_file_is_sent_while_it_is_written(
        self, store: Storage, tmp_path: Path, size: int
    ) -> None:
        """Its beginning changes in the end, and it is renamed before it is finished."""
        data = bytes(range(256)) * (size // 256 + 1)
        data = data[:size]
        path, renamed = tmp_path / "partial", tmp_path / "whole"
        index = min(size, 6 * MIB)
        with closing(store.begin_upload("grown", media_type="audio/mp4")) as upload:
            with path.open("wb") as file:
                file.write(bytes(index))
                for start in range(index, size, MIB):
                    file.write(data[start : start + MIB])
                    file.flush()
                    upload.follow(path, range(index, file.tell()))
                    assert store.stat("grown") is None
                file.seek(0)
                file.write(data[:index])
            path.rename(renamed)
            stored = upload.finish(renamed)
        assert (stored.key, stored.size_bytes, stored.is_new) == ("grown", size, True)
        assert stored.sha256 == hashlib.sha256(data).hexdigest()
        assert store.get("grown") == data

    def test_a_complete_file_is_sent_while_it_is_checked_and_appears_once_that_has_ended(
        self, store: Storage, tmp_path: Path
    ) -> None:
        path, data = tmp_path / "file", bytes(range(256)) * (12 * MIB // 256 + 1)
        path.write_bytes(data)
        with closing(store.begin_upload("checked")) as upload:
            upload.follow(path, range(6 * MIB, 12 * MIB))
            upload.complete(path)
            assert store.stat("checked") is None
            stored = upload.finish(path)
        assert (stored.size_bytes, stored.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert store.get("checked") == data

    def test_an_upload_that_is_not_finished_leaves_nothing(
        self, store: Storage, tmp_path: Path
    ) -> None:
        path = tmp_path / "file"
        path.write_bytes(bytes(12 * MIB))
        with closing(store.begin_upload("abandoned")) as upload:
            upload.follow(path, range(12 * MIB))
        assert store.stat("abandoned") is None
        assert list(store.find("aband")) == []

    def test_writability_is_tried_out_and_leaves_nothing(self, store: Storage) -> None:
        store.check_writable("some/prefix")
        assert list(store.find("some/")) == []
