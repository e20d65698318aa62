"""Downloads one file of a pinned hub revision into the hub's own cache, and can resume.

The hub's client restarts an interrupted download, which loses too much of a file of 3 GB. The
finished file is stored where that client expects it, so each finds the other's downloads.
"""

import errno
import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from huggingface_hub import (
    constants,
    get_hf_file_metadata,
    get_session,
    hf_hub_download,
    hf_hub_url,
)
from huggingface_hub.errors import (
    HfHubHTTPError,
    HTTPError,  # of httpx or httpx2, whichever the client uses
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
)
from huggingface_hub.utils import WeakFileLock, build_hf_headers, hf_raise_for_status

from narration.backoff import backoff_s
from narration.errors import CheckpointError, NotFoundError, OutputError, TransientError

_ATTEMPTS = 5  # attempts in a row without progress
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_TIMEOUT_S = 30.0
_BLOCK_BYTES = 1 << 20
_SHA256_DIGITS = 64  # large files are identified by it, small ones by git's SHA-1 of 40 digits

Report = Callable[[int], None]  # bytes that have arrived since the last call


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """One file at one revision, as the hub describes it."""

    repository: str
    revision: str
    name: str
    size_bytes: int
    digest: str  # SHA-256, or for small files git's blob SHA-1

    @property
    def url(self) -> str:
        """The URL of the file, at HF_ENDPOINT if that is set."""
        return hf_hub_url(self.repository, self.name, revision=self.revision)

    @property
    def path(self) -> Path:
        """Where the hub's client looks for it; usually a link to the blob."""
        return repository_cache(self.repository) / "snapshots" / self.revision / self.name

    @property
    def blob(self) -> Path:
        """Where the hub's cache keeps the content."""
        return repository_cache(self.repository) / "blobs" / self.digest

    @property
    def partial(self) -> Path:
        """Where the content is written until it is complete."""
        return self.blob.with_name(f"{self.digest}.partial")

    @property
    def missing_bytes(self) -> int:
        """How many bytes are still missing."""
        return 0 if self.path.exists() else self.size_bytes - _size(self.partial)

    def sha256(self) -> str:
        """Return the verified SHA-256; compute it if the hub declares another kind of digest."""
        return self.digest if len(self.digest) == _SHA256_DIGITS else sha256(self.path)


def repository_cache(repository: str) -> Path:
    """Return the folder in which the hub's cache keeps a model repository."""
    return Path(constants.HF_HUB_CACHE) / ("models--" + repository.replace("/", "--"))


def look_up(repository: str, revision: str, name: str) -> HubFile:
    """Ask the hub for a file's size and digest.

    Raises: NotFoundError, or TransientError if the hub cannot be reached.
    """
    url = hf_hub_url(repository, name, revision=revision)
    try:
        metadata = get_hf_file_metadata(url, timeout=_TIMEOUT_S)
    except (OSError, HTTPError) as error:
        raise explain(error, f"{repository}/{name}") from error
    if metadata.size is None or metadata.etag is None:
        raise TransientError(
            f"{url} gave neither size nor digest: check that HF_ENDPOINT is a model hub"
        )
    return HubFile(
        repository=repository,
        revision=revision,
        name=name,
        size_bytes=metadata.size,
        digest=metadata.etag,
    )


def fetch(file: HubFile, report: Report) -> Path:
    """Download a file into the hub's cache, check it, and return its path there.

    Raises: CheckpointError if the content is not what the hub declared, OutputError if it cannot
    be written, NotFoundError or TransientError if it cannot be downloaded.
    """
    try:
        if file.path.exists() and matches(file.path, file.digest):
            report(file.size_bytes)
            return file.path
        file.blob.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(file.blob.with_name(f"{file.digest}.lock")):
            _complete(file, report)
        return Path(hf_hub_download(file.repository, file.name, revision=file.revision))
    except (OSError, HTTPError) as error:
        raise explain(error, f"{file.repository}/{file.name}") from error


def matches(path: Path, digest: str) -> bool:
    """Compare a file's content with its SHA-256 or, if shorter, with git's blob SHA-1."""
    if len(digest) == _SHA256_DIGITS:
        return sha256(path) == digest
    content = path.read_bytes()
    header = b"blob %d\0" % len(content)
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest() == digest


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal digits."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def explain(error: Exception, what: str) -> Exception:
    """Convert a failure into an error that says what the user can do about it."""
    if isinstance(error, OfflineModeIsEnabled):
        return NotFoundError(f"{what} is not in the cache: unset HF_HUB_OFFLINE and pull it")
    if isinstance(error, HfHubHTTPError):
        return _explain_answer(error, what)
    if isinstance(error, HTTPError | LocalEntryNotFoundError | TimeoutError):
        return TransientError(
            f"no answer for {what} ({error}): check the network or HF_ENDPOINT and pull again; "
            "what has arrived is kept"
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"no room for {what} in {constants.HF_HUB_CACHE}: free some space")
    return OutputError(f"{what} cannot be kept in {constants.HF_HUB_CACHE}: {error}")


def _explain_answer(error: HfHubHTTPError, what: str) -> Exception:
    status = error.response.status_code
    if status in (401, 403, 404):
        return NotFoundError(
            f"the hub does not give out {what} (status {status}): check HF_ENDPOINT and HF_TOKEN"
        )
    return TransientError(f"the hub failed on {what} (status {status}): pull again later")


def _complete(file: HubFile, report: Report) -> None:
    if file.blob.exists() and matches(file.blob, file.digest):
        report(file.size_bytes)
        return
    file.blob.unlink(missing_ok=True)
    report(_size(file.partial))
    _stream_all(file, report)
    if _size(file.partial) != file.size_bytes or not matches(file.partial, file.digest):
        file.partial.unlink()
        raise CheckpointError(
            f"{file.name} arrived damaged: its digest is not {file.digest}, which the hub "
            "declared; it was deleted, pull again"
        )
    file.partial.replace(file.blob)


def _stream_all(file: HubFile, report: Report) -> None:
    """Resume after every broken connection that made progress."""
    stalled = 0
    while (start_bytes := _size(file.partial)) < file.size_bytes:
        try:
            _stream(file, report)
        except HTTPError as error:
            if stalled == _ATTEMPTS or isinstance(error, HfHubHTTPError):
                raise
        stalled = 0 if _size(file.partial) > start_bytes else stalled + 1
        if stalled > _ATTEMPTS:
            raise TransientError(f"the hub sends no more of {file.name}: pull again later")
        if stalled:
            time.sleep(backoff_s(stalled, first_s=_FIRST_PAUSE_S, longest_s=_LONGEST_PAUSE_S))


def _stream(file: HubFile, report: Report) -> None:
    """Append the missing bytes, or as many as arrive."""
    start_bytes = _size(file.partial)
    headers = build_hf_headers() | {"Accept-Encoding": "identity"}
    if start_bytes:
        headers["Range"] = f"bytes={start_bytes}-"
    with get_session().stream(
        "GET", file.url, headers=headers, timeout=_TIMEOUT_S, follow_redirects=True
    ) as response:
        if response.is_error:
            response.read()
            hf_raise_for_status(response)
        is_resumed = response.status_code == HTTPStatus.PARTIAL_CONTENT
        if not is_resumed:  # the server starts at the first byte again
            report(-start_bytes)
        with file.partial.open("ab" if is_resumed else "wb") as out:
            for block in response.iter_bytes(_BLOCK_BYTES):
                out.write(block)
                report(len(block))


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
