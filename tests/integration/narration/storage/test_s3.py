import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr

from narration.errors import OutputError, StorageUnavailable
from narration.storage.s3 import S3Storage
from tests.contracts.storage import MIB, StorageContract
from tests.servers import SeaweedFS


@pytest.fixture
def store(seaweedfs: SeaweedFS) -> S3Storage:
    return S3Storage(seaweedfs.profile(seaweedfs.new_bucket(), part_size_bytes=5 * MIB))


class TestSeaweedFS(StorageContract):
    pass


def test_presigned_url_is_readable_by_anybody_and_names_the_file(store: S3Storage) -> None:
    store.put("book.wav", b"sound", media_type="audio/wav")
    url = store.presign("book.wav", expires_s=60, file_name="My book.wav")
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"sound"
        assert answer.headers["Content-Type"] == "audio/wav"
        assert 'filename="My book.wav"' in answer.headers["Content-Disposition"]


def test_presigned_url_names_a_file_in_any_alphabet(store: S3Storage) -> None:
    store.put("book.wav", b"sound")
    url = store.presign("book.wav", expires_s=60, file_name="Frühling, «1».wav")
    with urllib.request.urlopen(url) as answer:
        told = answer.headers["Content-Disposition"]
    assert told == "attachment; filename*=UTF-8''Fr%C3%BChling%2C%20%C2%AB1%C2%BB.wav"


def test_presigned_url_with_a_changed_key_is_refused(store: S3Storage) -> None:
    store.put("a", b"")
    store.put("b", b"")
    url = store.presign("a", expires_s=60)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url.replace("/a?", "/b?"))


def test_presigned_url_names_the_public_endpoint(seaweedfs: SeaweedFS) -> None:
    profile = seaweedfs.profile("bucket", public_endpoint_url="https://files.example.org")
    url = S3Storage(profile).presign("a", expires_s=60)
    assert url.startswith("https://files.example.org/bucket/a?")


def put(url: str, data: bytes) -> int:
    request = urllib.request.Request(url, data=data, method="PUT")
    request.add_header("Content-Type", "")  # the default of urllib was not signed
    with urllib.request.urlopen(request) as answer:
        status: int = answer.status
    return status


def test_presigned_url_takes_one_document_of_the_size_that_was_signed(store: S3Storage) -> None:
    url = store.presign_put("books/a", size_bytes=4, expires_s=60)
    assert put(url, b"text") == 200
    assert store.get("books/a") == b"text"
    for data in (b"te", b"text and more"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            put(url, data)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        put(url.replace("/a?", "/b?"), b"text")
    assert store.get("books/a") == b"text"


def test_wrong_secret_is_refused_not_retried(seaweedfs: SeaweedFS) -> None:
    profile = seaweedfs.profile(seaweedfs.new_bucket(), secret_access_key=SecretStr("wrong-secret"))
    with pytest.raises(OutputError, match="refuses"):
        S3Storage(profile).check_writable("")


def test_missing_bucket_is_named(seaweedfs: SeaweedFS) -> None:
    with pytest.raises(OutputError, match="no-such-bucket"):
        S3Storage(seaweedfs.profile("no-such-bucket")).get("a")


def test_server_that_is_away_is_unavailable(seaweedfs: SeaweedFS) -> None:
    profile = seaweedfs.profile("bucket", endpoint_url="http://127.0.0.1:1", connect_timeout_s=0.2)
    with pytest.raises(StorageUnavailable):
        S3Storage(profile).get("a")


def test_parts_of_a_failed_upload_are_given_up(store: S3Storage) -> None:
    StorageContract().test_broken_source_leaves_nothing(store)
    uploads = store._client.list_multipart_uploads(Bucket=store._bucket)
    assert not uploads.get("Uploads")


def test_parts_of_an_unfinished_upload_are_given_up(store: S3Storage, tmp_path: Path) -> None:
    StorageContract().test_an_upload_that_is_not_finished_leaves_nothing(store, tmp_path)
    uploads = store._client.list_multipart_uploads(Bucket=store._bucket)
    assert not uploads.get("Uploads")


def test_an_upload_to_a_server_that_is_away_says_so(seaweedfs: SeaweedFS, tmp_path: Path) -> None:
    profile = seaweedfs.profile("bucket", endpoint_url="http://127.0.0.1:1", connect_timeout_s=0.2)
    path = tmp_path / "file"
    path.write_bytes(bytes(24 * 1024 * 1024))
    with (
        closing(S3Storage(profile).begin_upload("a")) as upload,
        pytest.raises(StorageUnavailable),
    ):
        upload.follow(path, range(path.stat().st_size))
