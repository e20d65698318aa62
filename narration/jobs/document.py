"""Read the document of a job within the limits of the settings, and check that it can be stored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from narration.api_settings import LimitSettings
from narration.bounded import BoundedCalls, TooLargeCallError, TooSlowError
from narration.documents.language import document_language, is_sure
from narration.documents.read import read_document
from narration.documents.types import Document
from narration.errors import BusyError, DocumentError, RhapsodeError
from narration.field_types import require_line
from narration.jobs.request import OtherLanguage, ReadingOptions
from narration.setting_types import MIB
from narration.text.alphabet import VOICE_LANGUAGE

T = TypeVar("T")
LEAST_READ_S = 4.0
READ_S_PER_MIB = 10.0  # a text of 5 million characters takes a tenth of this
MAX_READ_S = 30.0
_SHOWN = 8  # numbers listed in an error message


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFacts:
    """What a submission needs to know about its document."""

    media_type: str
    encoding: str
    characters: int


def read_within(
    limits: LimitSettings,
    data: bytes,
    *,
    name: str | None,
    media_type: str | None,
    options: ReadingOptions,
) -> Document:
    """Read a document from which a job can be made.

    Raises: DocumentError.
    """
    document = read_document(
        data,
        name=name,
        media_type=media_type,
        max_bytes=limits.document_size_bytes,
        spoken=options.spoken,
    )
    if len(document.source) > limits.document_chars:
        raise DocumentError(
            f"the document has {len(document.source):,} characters but the limit is "
            f"{limits.document_chars:,}: send it in parts"
        )
    _require_storable(document)
    _require_chapters(document, options.chapters or ())
    if options.other_language is OtherLanguage.REFUSE:
        _require_language(document)
    return document


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadDocument:
    """The bytes of a document, what it is called and said to be, and how it is to be read."""

    data: bytes
    name: str
    media_type: str | None
    options: ReadingOptions


def examine(
    limits: LimitSettings,
    data: bytes,
    name: str | None,
    media_type: str | None,
    options: ReadingOptions,
) -> DocumentFacts:
    """Read a document in this process, and return only facts about it.

    Raises: DocumentError.
    """
    document = read_within(limits, data, name=name, media_type=media_type, options=options)
    return DocumentFacts(
        media_type=document.media_type,
        encoding=document.encoding,
        characters=len(document.source),
    )


def examine_all(
    limits: LimitSettings, documents: Sequence[UnreadDocument]
) -> list[DocumentFacts | RhapsodeError]:
    """Examine documents in this process; a refused one has its DocumentError in its place."""
    outcomes: list[DocumentFacts | RhapsodeError] = []
    for one in documents:
        try:
            outcomes.append(examine(limits, one.data, one.name, one.media_type, one.options))
        except RhapsodeError as error:
            outcomes.append(error)
    return outcomes


def examine_all_apart(
    calls: BoundedCalls, limits: LimitSettings, documents: Sequence[UnreadDocument]
) -> list[DocumentFacts | RhapsodeError]:
    """Examine documents by one call to a separate process, with a time limit by their size.

    If that is not enough for all of them, each is read alone, so that one refuses no other. A
    refused one has its DocumentError in its place, or a BusyError if all processes are in use.
    """
    data = b"".join(one.data for one in documents)
    try:
        return read_apart(calls, data, examine_all, limits, documents)
    except RhapsodeError as error:
        if len(documents) == 1 or isinstance(error, BusyError):
            return [error] * len(documents)
    return [examine_all_apart(calls, limits, [one])[0] for one in documents]


def read_apart(calls: BoundedCalls, data: bytes, function: Callable[..., T], *arguments: Any) -> T:
    """Call a function that reads a document in a separate process, with a time limit by its size.

    Raises: DocumentError; BusyError if all such processes are in use; what the function raises.
    """
    limit_s = min(LEAST_READ_S + READ_S_PER_MIB * len(data) / MIB, MAX_READ_S)
    try:
        return calls.call(function, *arguments, limit_s=limit_s)
    except TooSlowError as error:
        raise DocumentError(
            f"reading the document takes more than {limit_s:.0f} s: simplify it or send plain text"
        ) from error
    except TooLargeCallError as error:
        raise DocumentError(
            "reading the document took too much memory: simplify it or send plain text"
        ) from error


def _require_language(document: Document) -> None:
    guess = document_language(document)
    if guess is None or guess.language == VOICE_LANGUAGE or not is_sure(guess):
        return
    claim = "says that it is" if guess.is_told else "appears to be"
    raise DocumentError(
        f'the document {claim} in another language ("{guess.language}") than the voices speak '
        f'("{VOICE_LANGUAGE}"): send a translation, or insist with other_language "read" '
        "(--any-language on the command line)"
    )


def _require_chapters(document: Document, chapters: Sequence[int]) -> None:
    missing = [str(number) for number in chapters if number > len(document.chapters)]
    if missing:
        raise DocumentError(
            f"there is no chapter {', '.join(missing[:_SHOWN])}: the document has "
            f"{len(document.chapters):,}. Plan it to see their numbers"
        )


def _require_storable(document: Document) -> None:
    if "\0" in document.source:
        raise DocumentError(
            f"the document contains a NUL at character {document.source.index(chr(0)):,}: remove it"
        )
    try:
        document.source.encode()
        for text in (document.title, document.author, *(c.title for c in document.chapters)):
            require_line(" ".join((text or "").split()))
    except UnicodeEncodeError as error:
        raise DocumentError(
            f"the document contains half a character at {error.start:,}: save it as UTF-8"
        ) from error
    except ValueError as error:
        raise DocumentError(f"a title or the author's name {error}") from error
