"""A work's metadata for the tags of a job's files: stored with the plan."""

from pydantic import BaseModel, ConfigDict

from narration.documents.types import Cover, Metadata
from narration.errors import FieldsError
from narration.ids import is_id

MAX_COVER_BYTES = (
    4 * 1024 * 1024
)  # larger ones slow players down; stores require 3,000 pixels a side
MAX_DESCRIPTION_CHARS = 4000
_MAX_LINE_CHARS = 500
_MOST_IDENTIFIERS = 20
_SIGNATURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


class IdentifierRecord(BaseModel):
    """An identifier of the work; `scheme` is empty if unknown."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    scheme: str
    value: str


class WorkRecord(BaseModel):
    """A work's metadata beyond title and author, which are the job's; None if unknown.

    `narrator` is the voice's name; `cover` is the media type of the picture stored for the job.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    narrator: str | None = None
    date: str | None = None
    publisher: str | None = None
    description: str | None = None
    series: str | None = None
    series_position: str | None = None
    language: str | None = None
    identifiers: tuple[IdentifierRecord, ...] = ()
    cover: str | None = None


def record_work(metadata: Metadata, *, narrator: str | None, cover: str | None) -> WorkRecord:
    """Return a work's metadata in stored form: single lines of limited length."""
    description = metadata.description
    return WorkRecord(
        narrator=narrator,
        date=_line(metadata.date),
        publisher=_line(metadata.publisher),
        description=description and description.replace("\0", "")[:MAX_DESCRIPTION_CHARS],
        series=_line(metadata.series.name if metadata.series else None),
        series_position=_line(metadata.series.position if metadata.series else None),
        language=_line(metadata.language),
        identifiers=tuple(
            IdentifierRecord(scheme=each.scheme[:_MAX_LINE_CHARS], value=value)
            for each in metadata.identifiers[:_MOST_IDENTIFIERS]
            if (value := _line(each.value))
        ),
        cover=cover,
    )


def narrator_of(voice_name: str) -> str | None:
    """Return the narrator's name; None for the default voice and for ids, which are not names."""
    return None if voice_name == "default" or is_id("voice", voice_name) else voice_name


def cover_type(data: bytes) -> str | None:
    """Return the media type of a picture; None if players do not show it, or if it is too large."""
    if len(data) > MAX_COVER_BYTES:
        return None
    return next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), None)


def usable_cover(cover: Cover | None) -> bytes | None:
    """Return a document's own cover if it can be embedded in a file."""
    return cover.data if cover is not None and cover_type(cover.data) else None


def require_cover(data: bytes) -> None:
    """Check a cover sent by a caller.

    Raises: FieldsError.
    """
    if len(data) > MAX_COVER_BYTES:
        detail = f"has {len(data):,} bytes but the limit is {MAX_COVER_BYTES:,}: make it smaller"
    elif cover_type(data) is None:
        detail = "is neither JPEG nor PNG: convert it"
    else:
        return
    raise FieldsError([{"pointer": "/cover", "detail": detail}])


def _line(text: str | None) -> str | None:
    line = "".join(c for c in " ".join((text or "").split()) if c.isprintable())
    return line[:_MAX_LINE_CHARS] or None
