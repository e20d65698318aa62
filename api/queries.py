"""The query parameters of lists: filters and paging."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from narration.field_types import Line
from narration.ids import id_pattern
from narration.jobs.request import MAX_LABELS, MAX_TEXT_CHARS
from narration.jobs.states import ChunkState, JobKind, JobState

MAX_STATES = 20  # per query; naming one twice is allowed
FIRST_YEAR, LAST_YEAR = 1970, 9998
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
LabelFilter = Annotated[Line, Field(pattern=r"^[^:]*:", max_length=2 * MAX_TEXT_CHARS + 1)]


def require_date(moment: object) -> object:
    """Refuse a bare number, which Pydantic would read as seconds since 1970."""
    if isinstance(moment, str) and not DATE.match(moment):
        raise ValueError("is not a date: write one like 2026-11-28T09:30:00Z")
    return moment


def _within_calendar(moment: datetime) -> datetime:
    """Convert a time to UTC, which it is without a zone; refuse the ends of the calendar."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"lies outside of the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Moment = Annotated[datetime, BeforeValidator(require_date), AfterValidator(_within_calendar)]


class PageQuery(BaseModel):
    """The number of rows per page."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=100)] = 20


class JobQuery(PageQuery):
    """Selects jobs and a page of them."""

    cursor: Annotated[str, Field(pattern=id_pattern("job"))] | None = None
    kind: Annotated[list[JobKind], Field(max_length=MAX_STATES)] = [JobKind.NARRATION]
    state: Annotated[list[JobState], Field(max_length=MAX_STATES)] = []
    label: Annotated[list[LabelFilter], Field(max_length=MAX_LABELS, examples=[["book:42"]])] = []
    search: Annotated[Line, Field(max_length=MAX_TEXT_CHARS)] = ""
    created_after: Moment | None = None
    created_before: Moment | None = None

    @property
    def labels(self) -> dict[str, str]:
        """The labels to filter by, by name."""
        pairs = [label.partition(":") for label in self.label]
        return {name: value for name, _, value in pairs}


class ChunkQuery(PageQuery):
    """Selects chunks and a page of them."""

    cursor: Annotated[str | None, Field(pattern=r"^[0-9]{1,9}$")] = None
    state: Annotated[list[ChunkState], Field(max_length=MAX_STATES)] = []
