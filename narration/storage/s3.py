"""Objects in a bucket, over boto3: any endpoint, path or virtual style, multipart, checksums."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from io import BufferedReader, BytesIO
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from narration.errors import (
    NotFoundError,
    StorageFailing,
    StorageFull,
    StorageUnavailable,
    StoreRefusal,
)
from narration.settings import S3Profile
from narration.storage.interface import BINARY, PROBE_KEY, Content, ObjectInfo, Stored, opened
from narration.storage.keys import check_key
from narration.storage.s3_body import ObjectBody
from narration.storage.s3_upload import BLOCKS_AT_ONCE, S3Upload

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, UploadPartOutputTypeDef
    from pydantic import SecretStr

MISSING = frozenset({"NoSuchKey", "NotFound", "404"})
TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})
REFUSED = frozenset(
    {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket", "403"}
)
# Error codes of servers that have no space left: MinIO, Ceph, WebDAV's status, and others.
FULL = frozenset(
    {"XMinioStorageFull", "QuotaExceeded", "InsufficientStorage", "InsufficientCapacity", "507"}
)
ATTEMPTS = 4  # per request, with botocore's own backoff


class S3Storage:
    """One bucket of one profile."""

    def __init__(self, profile: S3Profile) -> None:
        self._bucket = profile.bucket
        self._part_bytes = profile.part_size_bytes
        self._client = _client(profile, profile.endpoint_url)
        public = profile.public_endpoint_url
        self._signer = _client(profile, public) if public else self._client

    def put(
        self, key: str, content: Content, *, media_type: str = BINARY, is_write_once: bool = False
    ) -> Stored:
        """Put in one request, or in parts if the content does not fit one."""
        check_key(key)
        condition: dict[str, Any] = {"IfNoneMatch": "*"} if is_write_once else {}
        with opened(content) as stream, self._named(key):
            first = _read_full(stream, self._part_bytes)
            if len(first) < self._part_bytes:
                return self._put_small(key, first, media_type, condition)
            return self._put_parts(key, first, stream, media_type, condition)

    def begin_upload(self, key: str, *, media_type: str = BINARY) -> S3Upload:
        """Begin a multipart upload, which begins on the server with the first full part."""
        return S3Upload(
            self._client,
            {"Bucket": self._bucket, "Key": check_key(key)},
            media_type=media_type,
            block_bytes=self._part_bytes,
            named=self._named,
            put=lambda path: self.put(key, path, media_type=media_type),
        )

    def get(self, key: str) -> bytes:
        """Read a whole object."""
        with self.open(key) as stream:
            return stream.read()

    def open(self, key: str) -> BinaryIO:
        """Stream an object; reading raises StorageUnavailable if it is cut short."""
        with self._named(key):
            response = self._client.get_object(Bucket=self._bucket, Key=check_key(key))
        return cast(
            "BinaryIO", BufferedReader(ObjectBody(response["Body"], response["ContentLength"], key))
        )

    def stat(self, key: str) -> ObjectInfo | None:
        """Request an object's metadata."""
        try:
            with self._named(key):
                head = self._client.head_object(Bucket=self._bucket, Key=check_key(key))
        except NotFoundError:
            return None
        return ObjectInfo(key=key, size_bytes=head["ContentLength"])

    def find(self, prefix: str) -> Iterator[ObjectInfo]:
        """List the bucket page by page."""
        pages = self._client.get_paginator("list_objects_v2")
        with self._named(prefix):
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for entry in page.get("Contents", []):
                    yield ObjectInfo(key=entry["Key"], size_bytes=entry["Size"])

    def delete(self, key: str) -> None:
        """Delete an object; S3 reports no error if there is none."""
        with self._named(key):
            self._client.delete_object(Bucket=self._bucket, Key=check_key(key))

    def delete_prefix(self, prefix: str) -> int:
        """Delete every object in a folder."""
        check_key(prefix.rstrip("/"))
        keys = [info.key for info in self.find(prefix)]
        for key in keys:
            self.delete(key)
        return len(keys)

    def presign(self, key: str, *, expires_s: int, file_name: str | None = None) -> str | None:
        """Sign a GET, without contacting the server."""
        params = {"Bucket": self._bucket, "Key": check_key(key)}
        if file_name is not None:
            params["ResponseContentDisposition"] = f"attachment; {_named_file(file_name)}"
        with self._named(key):
            return self._signer.generate_presigned_url(
                "get_object", Params=params, ExpiresIn=expires_s
            )

    def presign_put(self, key: str, *, size_bytes: int, expires_s: int) -> str | None:
        """Sign a PUT of exactly this size, without contacting the server."""
        params = {"Bucket": self._bucket, "Key": check_key(key), "ContentLength": size_bytes}
        with self._named(key):
            return self._signer.generate_presigned_url(
                "put_object", Params=params, ExpiresIn=expires_s
            )

    def check_writable(self, prefix: str) -> None:
        """Put and delete a small object."""
        key = f"{prefix}/{PROBE_KEY}" if prefix else PROBE_KEY
        self.put(key, b"")
        self.delete(key)

    def _put_small(
        self, key: str, data: bytes, media_type: str, condition: dict[str, Any]
    ) -> Stored:
        is_new = True
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=data,
                ContentType=media_type,
                ChecksumAlgorithm="SHA256",
                **condition,
            )
        except ClientError as error:
            if not condition or _code(error) not in TAKEN:
                raise
            is_new = False
        sha256 = hashlib.sha256(data).hexdigest()
        return Stored(key=key, size_bytes=len(data), sha256=sha256, is_new=is_new)

    def _put_parts(
        self, key: str, first: bytes, stream: IO[bytes], media_type: str, condition: dict[str, Any]
    ) -> Stored:
        created = self._client.create_multipart_upload(
            Bucket=self._bucket, Key=key, ContentType=media_type
        )
        target: dict[str, Any] = {
            "Bucket": self._bucket,
            "Key": key,
            "UploadId": created["UploadId"],
        }
        try:
            parts, size_bytes, sha256 = self._send_parts(target, first, stream)
            self._client.complete_multipart_upload(
                **target, MultipartUpload={"Parts": parts}, **condition
            )
        except ClientError as error:
            self._client.abort_multipart_upload(**target)
            if not condition or _code(error) not in TAKEN:
                raise
            return Stored(key=key, size_bytes=size_bytes, sha256=sha256, is_new=False)
        except BaseException:
            self._client.abort_multipart_upload(**target)
            raise
        return Stored(key=key, size_bytes=size_bytes, sha256=sha256, is_new=True)

    def _send_parts(
        self, target: dict[str, Any], first: bytes, stream: IO[bytes]
    ) -> tuple[list["CompletedPartTypeDef"], int, str]:
        digest = hashlib.sha256()
        size_bytes = 0
        sent: list[Future[UploadPartOutputTypeDef]] = []
        with ThreadPoolExecutor(BLOCKS_AT_ONCE, thread_name_prefix="upload") as pool:
            part = first
            while part:
                if len(sent) >= BLOCKS_AT_ONCE:  # limits the memory in use
                    sent[-BLOCKS_AT_ONCE].result()
                number = len(sent) + 1
                sent.append(
                    pool.submit(self._client.upload_part, **target, PartNumber=number, Body=part)
                )
                digest.update(part)
                size_bytes += len(part)
                part = _read_full(stream, self._part_bytes)
            parts: list[CompletedPartTypeDef] = [
                {"PartNumber": number, "ETag": one.result()["ETag"]}
                for number, one in enumerate(sent, start=1)
            ]
        return parts, size_bytes, digest.hexdigest()

    @contextmanager
    def _named(self, key: str) -> Iterator[None]:
        """Translate errors of the client into ours, naming the object."""
        where = f"{key!r} in bucket {self._bucket!r}"
        try:
            yield
        except ClientError as error:
            code = _code(error)
            if code in MISSING:
                raise NotFoundError(f"there is no object {where}") from error
            if code in REFUSED:
                raise StoreRefusal(f"the store refuses {where}: {code}") from error
            if code in FULL or _status(error) == HTTPStatus.INSUFFICIENT_STORAGE:
                raise StorageFull(f"the store is full and did not store {where}: {code}") from error
            if _status(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
                raise StorageFailing(f"the store failed on {where}: {code}") from error
            raise StorageUnavailable(f"the store failed on {where}: {code}") from error
        except (BotoCoreError, HTTPClientError) as error:
            raise StorageUnavailable(f"the store does not answer for {where}: {error}") from error


def _client(profile: S3Profile, endpoint_url: str | None) -> "S3Client":
    return boto3.client(
        "s3",
        region_name=profile.region,
        endpoint_url=endpoint_url,
        aws_access_key_id=_plain(profile.access_key_id),
        aws_secret_access_key=_plain(profile.secret_access_key),
        config=Config(
            signature_version="s3v4",
            connect_timeout=profile.connect_timeout_s,
            read_timeout=profile.read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            s3={"addressing_style": "path" if profile.is_path_style else "virtual"},
            max_pool_connections=32,
        ),
    )


def _plain(secret: "SecretStr | None") -> str | None:
    return secret.get_secret_value() if secret else None


def _named_file(name: str) -> str:
    """Return the parameter of Content-Disposition that names a file (RFC 6266)."""
    if name.isascii() and not set(name) & set('"\\'):
        return f'filename="{name}"'
    return f"filename*=UTF-8''{quote(name, safe='')}"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _read_full(stream: IO[bytes], size_bytes: int) -> bytes:
    """Read until `size_bytes` are there or the stream ends; sockets return less at a time."""
    buffer = BytesIO()
    while (missing := size_bytes - buffer.tell()) and (block := stream.read(missing)):
        buffer.write(block)
    return buffer.getvalue()
