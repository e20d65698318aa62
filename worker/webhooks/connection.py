"""Connections to receivers: only to checked addresses, and bounded in time.

A name is looked up once. All its addresses are checked, and one of them is connected to, so a DNS
answer that changes in between has no effect. TLS still verifies the certificate for the name.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as LookupTimeout
from typing import Any, TypeAlias

import certifi
import httpcore

from narration.errors import InputError
from narration.webhooks.addresses import Network, check_addresses

Resolve: TypeAlias = Callable[[str, int], Sequence[str]]

# Concurrent lookups. The system's resolver may take half a minute to give up, three times as long
# as a sender waits for it, and one owner's names must not use up all threads.
LOOKUPS = 32
MOST_TRIED = 4  # addresses per name


class ReceiverRefused(Exception):  # noqa: N818 - named after the decision
    """The receiver's address is not allowed."""


class LookupsBusy(Exception):  # noqa: N818 - named after a state
    """The name was not looked up, which is not the receiver's fault."""


class Resolver:
    """Looks up names on its own threads, because the system call has no timeout."""

    def __init__(self, resolve: Resolve | None = None) -> None:
        self._resolve = resolve or _addresses_of
        self._threads = ThreadPoolExecutor(LOOKUPS, thread_name_prefix="lookup")

    def find(self, host: str, port: int, timeout_s: float) -> Sequence[str]:
        """Return the addresses for a name.

        Raises: LookupsBusy; httpcore.ConnectError, ConnectTimeout.
        """
        lookup = self._threads.submit(self._resolve, host, port)
        try:
            return lookup.result(timeout=timeout_s)
        except LookupTimeout as error:
            if lookup.cancel():  # it had not started
                raise LookupsBusy("too many names are being looked up") from error
            raise httpcore.ConnectTimeout("its name was not found in time") from error
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("its name is not known") from error

    def close(self) -> None:
        """Start no more lookups."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class CheckedBackend(httpcore.NetworkBackend):
    """Connects for one message, before a deadline."""

    def __init__(
        self, resolver: Resolver, allowed: Sequence[Network], *, is_secure: bool, ends_at: float
    ) -> None:
        self._resolver = resolver
        self._allowed = allowed
        self._is_secure = is_secure
        self._ends_at = ends_at

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - httpcore's interface, as below
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        """Look up the name, check its addresses, and connect to one of them.

        Raises: ReceiverRefused, LookupsBusy; httpcore.ConnectError, ConnectTimeout.
        """
        resolved = self._resolver.find(host, port, _left_s(self._ends_at))
        try:
            addresses = check_addresses(resolved, self._allowed, is_secure=self._is_secure)
        except InputError as error:
            raise ReceiverRefused(str(error)) from error
        tried = addresses[:MOST_TRIED]
        for address in tried:
            try:
                stream = httpcore.SyncBackend().connect_tcp(
                    address, port, timeout=_left_s(self._ends_at) / len(tried)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if address == tried[-1]:
                    raise
            else:
                return _BoundedStream(stream, self._ends_at)
        raise AssertionError("a name without an address is refused")


class _BoundedStream(httpcore.NetworkStream):
    """A stream with a deadline, however slowly the other side sends."""

    def __init__(self, stream: httpcore.NetworkStream, ends_at: float) -> None:
        self._stream = stream
        self._ends_at = ends_at

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, _left_s(self._ends_at))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, _left_s(self._ends_at))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        left_s = _left_s(self._ends_at)
        secured = self._stream.start_tls(ssl_context, server_hostname, left_s)
        return _BoundedStream(secured, self._ends_at)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def trusted_authorities() -> ssl.SSLContext:
    """Return a TLS context that trusts the system's certificate authorities and Mozilla's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _left_s(ends_at: float) -> float:
    left_s = ends_at - time.monotonic()
    if left_s <= 0:
        raise httpcore.ReadTimeout("the time is over")
    return left_s


def _addresses_of(host: str, port: int) -> list[str]:
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))
