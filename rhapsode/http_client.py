"""A client for a Rhapsode server: requests that survive short outages, and readable errors.

Knows HTTP and problem documents, and nothing about jobs or voices.
"""

import hashlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from narration.backoff import backoff_s
from narration.errors import InputError, OutputError, TransientError
from rhapsode.refusals import pass_code_on, refusal, refusal_text

RETRY_FOR_S = 120.0  # long enough for a server to restart
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 15.0
SILENCE_S, CONNECT_S = 60, 10
# Why there is no connection, by what the system said.
_CAUSES: dict[type[BaseException], str] = {
    socket.gaierror: "its name is not known here",
    ssl.SSLCertVerificationError: "its certificate is not trusted here",
    ssl.SSLError: "it does not speak TLS there",
    ConnectionRefusedError: "nothing listens there",
}
BUSY = frozenset({408, 429, 502, 503, 504})
MAX_UPLOAD_BYTES = 1 << 28  # read into memory; servers have lower limits
PARTIAL = 206
RANGE_ENDED = 416


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file to upload."""

    name: str
    data: bytes


class ApiClient:
    """A connection to one server, with one bearer key."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        retry_for_s: float = RETRY_FOR_S,
        tell: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._retry_for_s = retry_for_s
        self._tell = tell
        self._sleep = sleep
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S)
        self._client = httpx.Client(
            base_url=self._url, headers=headers, timeout=timeout, transport=transport
        )
        # Signed URLs point to the object store, which must not see the key.
        self._anonymous = httpx.Client(timeout=timeout, transport=transport)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._anonymous.close()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send an idempotent request, and repeat it while the server does not answer.

        The first failure is told, so that nobody waits for a server that is not there.
        Raises: TransientError after the time limit; InputError for a refusal, with the server's
        message.
        """
        ends_at = time.monotonic() + self._retry_for_s
        failures = 0
        while True:
            failures += 1
            wait_s = _wait_s(failures)
            response = None
            try:
                response = self._client.request(method, self._below(path), **options)
            except httpx.TransportError as error:
                problem = f"{self._url} does not answer: {_why_no_answer(error)}"
            else:
                if response.status_code not in BUSY:
                    if response.is_error:
                        raise refusal(response)
                    return response
                problem = f"{self._url} is busy: {refusal_text(response)}"
                wait_s = max(wait_s, _retry_after_s(response))
            if time.monotonic() + wait_s > ends_at:
                late = TransientError(f"{problem}; run the same command again later")
                if response is not None:
                    pass_code_on(response, late)
                raise late
            if failures == 1:
                self._tell(f"{problem}; trying again for {self._retry_for_s:.0f} s")
            self._sleep(wait_s)

    def upload(
        self,
        path: str,
        file: Upload,
        fields: dict[str, str],
        *,
        others: Mapping[str, bytes] | None = None,
        **options: Any,
    ) -> httpx.Response:
        """Post a form with a file, and other files by part name; otherwise as `request`."""
        files = {"file": (file.name, file.data)}
        files |= {name: (name, data) for name, data in (others or {}).items()}
        return self.request("POST", path, data=fields, files=files, **options)

    def download(self, url: str, path: Path, *, sha256: str) -> None:
        """Fetch a file next to `path`, and rename it once it is complete and matches its digest.

        A partial download is kept, and the next call resumes it.
        Raises: TransientError, OutputError.
        """
        partial = path.with_name(f".{path.name}.{sha256[:12]}.part")
        ends_at = time.monotonic() + self._retry_for_s
        failures = size_bytes = 0
        while not self._is_fetched(url, partial):
            with _write_errors_explained(partial):
                before, size_bytes = size_bytes, _size_bytes(partial)
            failures += 1
            if size_bytes > before:  # a slow connection may continue, a dead one may not
                failures, ends_at = 1, time.monotonic() + self._retry_for_s
            if time.monotonic() > ends_at:
                raise TransientError(
                    f"{path.name} could not be fetched completely: run the command again"
                )
            self._sleep(_wait_s(failures))
        with _write_errors_explained(path):
            if _digest(partial) != sha256:
                partial.unlink()
                raise TransientError(f"{path.name} arrived damaged: run the same command again")
            partial.replace(path)

    def _below(self, url: str) -> str:
        """Return a URL of the server without the path prefix that it shares with the base URL."""
        base = httpx.URL(self._url).path.rstrip("/")
        return url.removeprefix(base) if url.startswith(f"{base}/") else url

    def _is_fetched(self, url: str, partial: Path) -> bool:
        """Fetch the missing bytes; False if the connection broke."""
        client = self._anonymous if url.startswith(("http://", "https://")) else self._client
        with _write_errors_explained(partial):
            fetched_bytes = _size_bytes(partial)
            headers = {"Range": f"bytes={fetched_bytes}-"} if fetched_bytes else {}
            try:
                with client.stream("GET", self._below(url), headers=headers) as response:
                    if response.status_code == RANGE_ENDED:
                        return True
                    if response.status_code in BUSY or response.is_server_error:
                        return False
                    if response.is_error:
                        response.read()
                        reason = f"the file cannot be fetched: {refusal_text(response)}"
                        refused = InputError(reason)
                        pass_code_on(response, refused)
                        raise refused
                    mode = "ab" if response.status_code == PARTIAL else "wb"
                    with partial.open(mode) as file:
                        # Written as they arrive, because a partially filled block would be lost.
                        for block in response.iter_bytes():
                            file.write(block)
            except httpx.TransportError:
                return False
        return True


def _wait_s(failures: int) -> float:
    return backoff_s(failures, first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S)


def _why_no_answer(error: BaseException) -> str:
    """Say in plain words why a request got no answer; the libraries' own are for programmers."""
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return f"no connection within {CONNECT_S} s"
    if isinstance(error, httpx.TimeoutException):
        return f"nothing came for {SILENCE_S} s"
    cause: BaseException | None = error
    while cause is not None:
        for kind, words in _CAUSES.items():
            if isinstance(cause, kind):
                return words
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError):
        return "it cannot be reached"
    return "the connection broke off"


def _retry_after_s(response: httpx.Response) -> float:
    value = response.headers.get("retry-after", "")
    return min(float(value), LONGEST_WAIT_S) if value.isdecimal() else 0.0


def _size_bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _write_errors_explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
