"""Uploads a file to a bucket block by block, while it is still being written."""

import hashlib
import mmap
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from narration.storage.interface import Stored

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, UploadPartOutputTypeDef

BLOCKS_AT_ONCE = 8  # of one upload at the same time; each is held in memory


class S3Upload:
    """One upload, as `narration.storage.interface.Upload` says; used by one thread."""

    def __init__(
        self,
        client: "S3Client",
        target: dict[str, Any],
        *,
        media_type: str,
        block_bytes: int,
        named: Callable[[str], AbstractContextManager[None]],
        put: Callable[[Path], Stored],
    ) -> None:
        """`target` names bucket and key, `named` translates errors, `put` stores a whole file."""
        self._client = client
        self._target = target
        self._media_type = media_type
        self._block_bytes = block_bytes
        self._named = named
        self._put = put
        self._file = -1
        self._sent: dict[int, Future[UploadPartOutputTypeDef]] = {}
        self._pool = ThreadPoolExecutor(BLOCKS_AT_ONCE, thread_name_prefix="upload")
        self._size_bytes = 0
        self._digest: Future[str] | None = None  # once the file is complete
        self._digester = ThreadPoolExecutor(1, thread_name_prefix="upload-digest")
        self._is_begun = self._is_finished = False

    def follow(self, path: Path, settled: range) -> None:
        """Send the blocks that lie within `settled`."""
        first = -(-settled.start // self._block_bytes)
        for number in range(first, settled.stop // self._block_bytes):
            self._send(path, number)

    def complete(self, path: Path) -> None:
        """Send the other blocks, and compute the digest while they are on their way."""
        if not self._sent or self._digest is not None:
            return
        self._size_bytes = os.fstat(self._file).st_size
        self._digest = self._digester.submit(self._digest_file)
        for number in range(-(-self._size_bytes // self._block_bytes)):
            self._send(path, number)

    def finish(self, path: Path) -> Stored:
        """Send the other blocks, and put them together."""
        self.complete(path)
        if self._digest is None:
            return self._put(path)
        sha256 = self._digest.result()
        with self._named(self._target["Key"]):
            parts: list[CompletedPartTypeDef] = [
                {"PartNumber": number + 1, "ETag": sent.result()["ETag"]}
                for number, sent in sorted(self._sent.items())
            ]
            self._client.complete_multipart_upload(**self._target, MultipartUpload={"Parts": parts})
        self._is_finished = True
        return Stored(
            key=self._target["Key"], size_bytes=self._size_bytes, sha256=sha256, is_new=True
        )

    def close(self) -> None:
        """Stop; what was sent of an unfinished upload is deleted."""
        for pool in (self._pool, self._digester):
            pool.shutdown(cancel_futures=True)
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._is_begun and not self._is_finished:
            # The store may be what failed; its own rules delete abandoned uploads.
            with suppress(ClientError, BotoCoreError):
                self._client.abort_multipart_upload(**self._target)
        self._is_finished = True

    def _send(self, path: Path, number: int) -> None:
        if number in self._sent:
            return
        if not self._is_begun:
            self._begin(path)
        self._sent[number] = self._pool.submit(self._send_block, number)

    def _begin(self, path: Path) -> None:
        # Held open, because the file may be renamed meanwhile.
        self._file = os.open(path, os.O_RDONLY)
        with self._named(self._target["Key"]):
            created = self._client.create_multipart_upload(
                **self._target, ContentType=self._media_type
            )
        self._target = {**self._target, "UploadId": created["UploadId"]}
        self._is_begun = True

    def _send_block(self, number: int) -> "UploadPartOutputTypeDef":
        start = number * self._block_bytes
        return self._client.upload_part(
            **self._target, PartNumber=number + 1, Body=self._read(start, self._block_bytes)
        )

    def _digest_file(self) -> str:
        with mmap.mmap(self._file, 0, access=mmap.ACCESS_READ) as content:
            return hashlib.sha256(content).hexdigest()

    def _read(self, start: int, size_bytes: int) -> bytes:
        """Read up to `size_bytes`; one call of the system may return less."""
        blocks: list[bytes] = []
        while size_bytes and (block := os.pread(self._file, size_bytes, start)):
            blocks.append(block)
            start, size_bytes = start + len(block), size_bytes - len(block)
        return b"".join(blocks)
