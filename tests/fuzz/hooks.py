"""What schemathesis cannot draw from the OpenAPI document: recordings and documents as files."""

import io
import zipfile

import numpy as np
import schemathesis
import soundfile
from hypothesis import strategies as st
from schemathesis.transport.serialization import Binary

from tests.epubs import make_epub


def recording(seed: int) -> bytes:
    noise = np.random.default_rng(seed).normal(0, 0.1, 6 * 16_000)
    buffer = io.BytesIO()
    soundfile.write(buffer, noise.astype(np.float32), 16_000, format="FLAC")
    return buffer.getvalue()


def broken_book() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as book:
        book.writestr("META-INF/container.xml", '<?xml version="1.0" encoding="utf-7"?><a>')
    return buffer.getvalue()


SPOKEN_CHARS = 20
MOST_WAIT_S = 60
FILES = [
    *(recording(seed) for seed in range(3)),
    b"Hello there. This is a story.",
    b"<html><body><h1>One</h1><p>Hello there.</p></body></html>",
    make_epub({"a.xhtml": "<p>Hello there.</p>"}),
    broken_book(),
    b"",
    b"%PDF-1.7\n",
    b"\x00\x01\x02",
]

# Most files are drawn from the list: few random bytes get beyond the first check.
FILE = st.one_of(st.sampled_from(FILES), st.sampled_from(FILES), st.binary(max_size=4096))
schemathesis.openapi.format("binary", FILE.map(Binary))


@schemathesis.hook
def before_call(_: object, case: schemathesis.Case, kwargs: dict[str, object]) -> None:
    """Never wait: response times are measured. Values that are refused stay as they are."""
    del kwargs
    wait = str((case.query or {}).get("wait", ""))
    if wait.isdecimal() and 0 < int(wait) <= MOST_WAIT_S:
        case.query["wait"] = 0


@schemathesis.hook
def map_body(_: object, body: object) -> object:
    """Speak little: response times are measured."""
    if isinstance(body, dict) and isinstance(body.get("input"), str):
        return {**body, "input": body["input"][:SPOKEN_CHARS]}
    return body


@schemathesis.hook
def map_headers(_: object, headers: dict[str, object] | None) -> dict[str, object] | None:
    """Send no `Prefer`: `wait=N` delays the response."""
    return {name: value for name, value in headers.items() if name != "prefer"} if headers else None
