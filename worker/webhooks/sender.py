"""Sends one message to one receiver: a signed POST, no redirects, bounded in time and size."""

import ssl
import threading
import time
from collections.abc import Sequence
from http import HTTPStatus
from importlib.metadata import version

import httpcore

from narration.api_settings import WebhookSettings
from narration.clock import Clock
from narration.errors import FieldsError
from narration.webhooks.addresses import Target, parse_url
from narration.webhooks.claims import DeliveryClaim
from narration.webhooks.deliveries import MAX_RESPONSE_CHARS, Attempt
from narration.webhooks.signing import signed_headers
from worker.webhooks.connection import (
    CheckedBackend,
    LookupsBusy,
    ReceiverRefused,
    Resolver,
    trusted_authorities,
)

MAX_RESPONSE_BYTES = 16 * 1024  # bytes read of a response; then the connection is closed
MAX_SECONDS_DIGITS = 6
AGENT = f"Rhapsode/{version('rhapsode')}"


class Sender:
    """Sends messages; created once per process and used by many threads."""

    def __init__(
        self,
        settings: WebhookSettings,
        clock: Clock,
        *,
        resolver: Resolver | None = None,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._resolver = resolver or Resolver()
        self._trusted = trusted
        self._guard = threading.Lock()

    def send(self, claim: DeliveryClaim) -> Attempt:
        """Send a message and return the result; nothing that a receiver does raises an error."""
        began = time.monotonic()
        try:
            return self._post(claim, parse_url(claim.url), began)
        except LookupsBusy as error:
            return Attempt(took_ms=_since_ms(began), error=str(error), is_begun=False)
        except (ReceiverRefused, FieldsError) as error:
            reason = str(error)
        except httpcore.TimeoutException:
            reason = f"no answer within {self._settings.timeout_s:g} s"
        except (httpcore.NetworkError, OSError) as error:
            reason = f"the connection failed: {_readable(str(error) or type(error).__name__)}"
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            reason = f"the answer is not HTTP: {_readable(str(error))}"
        return Attempt(took_ms=_since_ms(began), error=reason)

    def close(self) -> None:
        """Stop its lookup threads."""
        self._resolver.close()

    def _post(self, claim: DeliveryClaim, target: Target, began: float) -> Attempt:
        body = claim.body.encode()
        backend = CheckedBackend(
            self._resolver,
            self._settings.networks,
            is_secure=target.is_secure,
            ends_at=began + self._settings.timeout_s,
        )
        url = httpcore.URL(
            scheme=target.scheme.encode(),
            host=target.host.encode(),
            port=target.port,
            target=target.path.encode(),
        )
        with (
            httpcore.ConnectionPool(
                ssl_context=self._authorities() if target.is_secure else None,
                max_connections=1,
                network_backend=backend,
            ) as pool,
            pool.stream(
                "POST", url, headers=self._headers(claim, target, body), content=body
            ) as answer,
        ):
            start = _beginning(answer)
            retry_after_s = _seconds(answer.headers)
        is_taken = HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES
        return Attempt(
            took_ms=_since_ms(began),
            status_code=answer.status,
            error=None if is_taken else _refusal(answer.status),
            response=start or None,
            retry_after_s=None if is_taken else retry_after_s,
        )

    def _authorities(self) -> ssl.SSLContext:
        """Load them when first needed, because most processes never send anything."""
        with self._guard:
            if self._trusted is None:
                self._trusted = trusted_authorities()
            return self._trusted

    def _headers(
        self, claim: DeliveryClaim, target: Target, body: bytes
    ) -> list[tuple[bytes, bytes]]:
        headers = {
            "Host": target.authority,
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "User-Agent": AGENT,
            "Accept": "*/*",
            "Connection": "close",
            **signed_headers(claim.id, body, claim.secrets, now=self._clock()),
        }
        return [(name.encode(), value.encode()) for name, value in headers.items()]


def _beginning(answer: httpcore.Response) -> str:
    """Return the beginning of a response's body; nothing after it is read."""
    received = b""
    for block in answer.iter_stream():
        received += block
        if len(received) >= MAX_RESPONSE_BYTES:
            break
    return _readable(received[:MAX_RESPONSE_BYTES].decode(errors="replace"))[:MAX_RESPONSE_CHARS]


def _readable(text: str) -> str:
    """Replace characters that cannot be displayed or stored in a text column."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text)


def _refusal(status: int) -> str:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"it answered {status}: redirects are not followed, give the webhook its present URL"
    return f"it answered {status}: only 200 to 299 mean that the message was taken"


def _seconds(headers: Sequence[tuple[bytes, bytes]]) -> float | None:
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) <= MAX_SECONDS_DIGITS:
            return float(value)
    return None


def _since_ms(began: float) -> int:
    return round(1000 * (time.monotonic() - began))
