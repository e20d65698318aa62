"""Reads request bodies within limits of size and time; knows neither jobs nor voices.

A body is refused as soon as it is known to be too large: by its declared length, or as it
arrives.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from anyio.to_thread import run_sync
from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect

from api.errors import MediaTypeError, SlowBodyError, TooLargeError
from api.json_bodies import has_more_values
from api.wording import explain_form
from narration.errors import FieldsError
from narration.jobs.request import MAX_LISTED_CHAPTERS

JSON = "application/json"
FORM = "multipart/form-data"
OCTETS = "application/octet-stream"
FIELDS_SIZE_BYTES = 256 * 1024  # for all parts of a form except files
MAX_NAME_CHARS = 255
MOST_VALUES = 2 * MAX_LISTED_CHAPTERS  # items and fields in one body; each may become an error
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii", "iso-8859-1", "latin-1"})
SHORTER_DOCUMENT = "make several jobs of the document"
MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,63}/[a-z0-9!#$&^_.+-]{1,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """The limits on a body's size and arrival time, and what to do if it is larger."""

    size_bytes: int
    timeout_s: float
    what_now: str = "send less at once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """One uploaded file, under a name that is safe to show and never used as a path."""

    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FormBody:
    """A form: its text fields, its `file`, and the other files."""

    texts: Mapping[str, str]
    file: Upload
    others: Mapping[str, bytes]


def content_type(request: Request) -> str:
    """Return the media type of the body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_json(request: Request, body_limits: BodyLimits) -> bytes:
    """Return the bytes of a JSON body, unparsed.

    Raises: MediaTypeError, TooLargeError, SlowBodyError; FieldsError if it has too many values.
    """
    if content_type(request) != JSON:
        raise MediaTypeError(f"the body is {content_type(request) or 'of no type'}: send {JSON}")
    body = await read_bytes(request, body_limits)
    await _require_few_values(body, "")
    return body


async def read_bytes(request: Request, body_limits: BodyLimits) -> bytes:
    """Return the bytes of a body of any type. Raises: TooLargeError, SlowBodyError."""
    with _explained_errors(body_limits):
        async with asyncio.timeout(body_limits.timeout_s):
            return b"".join([block async for block in _blocks(request, body_limits)])


async def read_optional_json(request: Request, body_limits: BodyLimits) -> bytes:
    """Return the bytes of a JSON body, or of an empty object if there is no body.

    Raises: MediaTypeError, TooLargeError, SlowBodyError.
    """
    is_announced = "transfer-encoding" in request.headers
    is_empty = request.headers.get("content-length", "0") == "0" and not is_announced
    return b"{}" if is_empty else await read_json(request, body_limits)


async def read_form(
    request: Request,
    body_limits: BodyLimits,
    *,
    fields: frozenset[str],
    other_files: Mapping[str, int] | None = None,
) -> FormBody:
    """Return the text fields, the one `file` and the other files of a multipart form.

    `other_files` maps their names to their size limits in bytes.
    Raises: MediaTypeError, TooLargeError, SlowBodyError; FieldsError for a form that is broken, a
    part that is not among `fields`, or a file without a usable name.
    """
    if content_type(request) != FORM:
        raise MediaTypeError(f"the body is {content_type(request) or 'of no type'}: send {FORM}")
    _require_charset(request)
    other_files = other_files or {}
    size_bytes = body_limits.size_bytes + FIELDS_SIZE_BYTES + sum(other_files.values())
    parser = MultiPartParser(
        request.headers,
        _blocks(request, replace(body_limits, size_bytes=size_bytes)),
        max_files=1 + len(other_files),
        max_fields=len(fields),
        max_part_size=FIELDS_SIZE_BYTES,
    )
    with _explained_errors(body_limits):
        async with asyncio.timeout(body_limits.timeout_s):
            form = await parser.parse()
    try:
        texts = {name: part for name, part in form.multi_items() if isinstance(part, str)}
        parts = [(n, part) for n, part in form.multi_items() if isinstance(part, UploadFile)]
        files = dict(parts)
        for name, text in texts.items():
            await _require_few_values(text.encode(), name)
        _refuse_unknown(set(texts) - fields | set(files) - {"file", *other_files})
        if len(files) < len(parts):
            raise FieldsError([{"pointer": "/file", "detail": "came more than once: send one"}])
        return FormBody(
            texts=texts,
            file=await _upload(form.get("file"), body_limits),
            others={
                name: await _other(name, part, other_files[name])
                for name, part in files.items()
                if name != "file"
            },
        )
    finally:
        await form.close()


@contextmanager
def _explained_errors(body_limits: BodyLimits) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise SlowBodyError(
            f"the body was not complete after {body_limits.timeout_s:g} s: send it faster"
        ) from error
    except ClientDisconnect as error:
        raise SlowBodyError("the connection was closed before the body was complete") from error
    except (MultiPartException, KeyError) as error:
        # KeyError: a multipart content type without its boundary
        reason = explain_form(getattr(error, "message", "Missing boundary"))
        raise FieldsError([{"pointer": "/", "detail": f"the form is broken: {reason}"}]) from error


async def _require_few_values(body: bytes, name: str) -> None:
    # On a thread: counting in 64 MB takes up to a second.
    if len(body) > MOST_VALUES and await run_sync(has_more_values, body, MOST_VALUES):
        detail = f"has more than {MOST_VALUES:,} values: send a list or object with fewer"
        raise FieldsError([{"pointer": f"/{name}", "detail": detail}])


def _require_charset(request: Request) -> None:
    """Refuse other encodings of a form: some decode to what no response could contain."""
    _, options = parse_options_header(request.headers["content-type"])
    charset = options.get(b"charset", b"utf-8").decode("latin-1").lower()
    if charset not in CHARSETS:
        detail = f"the form is broken: its charset is {charset[:MAX_NAME_CHARS]!r}: write UTF-8"
        raise FieldsError([{"pointer": "/", "detail": detail}])


async def _blocks(request: Request, body_limits: BodyLimits) -> AsyncGenerator[bytes, None]:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > body_limits.size_bytes:
        raise _too_large(body_limits)
    received = 0
    async for block in request.stream():
        received += len(block)
        if received > body_limits.size_bytes:
            raise _too_large(body_limits)
        yield block


def _too_large(body_limits: BodyLimits) -> TooLargeError:
    return TooLargeError(
        f"the body has more than {body_limits.size_bytes:,} bytes: {body_limits.what_now}"
    )


def _refuse_unknown(names: set[str]) -> None:
    if names:
        raise FieldsError(
            [{"pointer": f"/{name}", "detail": "there is no such field"} for name in sorted(names)]
        )


async def _other(name: str, part: UploadFile, most_bytes: int) -> bytes:
    data = await part.read()
    if len(data) > most_bytes:
        detail = f"has {len(data):,} bytes but the limit is {most_bytes:,}: make it smaller"
        raise FieldsError([{"pointer": f"/{name}", "detail": detail}])
    return data


async def _upload(part: UploadFile | str | None, body_limits: BodyLimits) -> Upload:
    if not isinstance(part, UploadFile):
        raise FieldsError([{"pointer": "/file", "detail": "a file is missing: send one"}])
    name = _checked_name(part.filename or "")
    data = await part.read()
    if len(data) > body_limits.size_bytes:
        raise _too_large(body_limits)
    media_type = (part.content_type or OCTETS).partition(";")[0].strip().lower()
    if not MEDIA_TYPE.fullmatch(media_type):
        detail = "its content type is not a media type: send for example audio/wav, or leave it out"
        raise FieldsError([{"pointer": "/file", "detail": detail}])
    return Upload(name=name, media_type=media_type, data=data)


def _checked_name(name: str) -> str:
    is_path = "/" in name or "\\" in name or name.strip(". ") == ""
    if is_path or not name.isprintable() or len(name) > MAX_NAME_CHARS:
        detail = "the name must be a plain file name without folders or control characters"
        raise FieldsError([{"pointer": "/file", "detail": detail}])
    return name
