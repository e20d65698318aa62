"""Request and response bodies for keys."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.queries import FIRST_YEAR, LAST_YEAR, Moment, require_date
from narration.field_types import Line
from narration.ids import id_pattern
from narration.keys.manage import MAX_CHARACTERS, MAX_LIMIT, MAX_NAME_CHARS, OWNER_PATTERN
from narration.keys.scopes import USUAL_SCOPES, KeyLimits, Scope, in_order

FIRST_DAY, LAST_DAY = date(FIRST_YEAR, 1, 2), date(LAST_YEAR, 12, 30)
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]
Day = Annotated[date, BeforeValidator(require_date), Field(ge=FIRST_DAY, le=LAST_DAY)]
OwnerName = Annotated[str, Field(pattern=OWNER_PATTERN)]
KEY_EXAMPLE: dict[str, Any] = {
    "name": "nightly builds",
    "scopes": ["submit", "read"],
    "limits": {"requests_a_minute": 120, "characters_a_day": 500_000},
}


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LimitsBody(_Body):
    """The limits of a key; null takes the server's setting, which is unlimited by default."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    requests_a_minute: Limit | None = None
    queued_jobs: Limit | None = Field(default=None, description="narrations that have not finished")
    characters_a_day: Annotated[int, Field(ge=1, le=MAX_CHARACTERS)] | None = Field(
        default=None, description="characters of submitted documents, per UTC day"
    )
    streams: Limit | None = Field(
        default=None, description="open speech streams, and as many event streams"
    )

    @property
    def limits(self) -> KeyLimits:
        """The limits as the use cases take them."""
        return KeyLimits(**self.model_dump())


class KeyForm(_Body):
    """A key to create."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [KEY_EXAMPLE]}
    )

    name: Annotated[Line, Field(min_length=1, max_length=MAX_NAME_CHARS)]
    owner: OwnerName | None = Field(default=None, description="the caller by default")
    # Sorted, so that the OpenAPI document is always the same.
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(Scope))] = tuple(
        in_order(USUAL_SCOPES)
    )
    expires_at: Moment | None = None
    limits: LimitsBody = LimitsBody()


class KeyBody(_Body):
    """A key; its secret is not stored."""

    id: str
    owner: str
    name: str
    scopes: list[Scope]
    limits: LimitsBody
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="to the minute")
    revoked_at: datetime | None


class MadeKeyBody(_Body):
    """A new key and its secret, which is shown only in this response."""

    key: KeyBody
    secret: str = Field(description="send it as `Authorization: Bearer SECRET`")


class KeyList(_Body):
    """A page of keys, newest first, including revoked ones."""

    items: list[KeyBody]
    next_cursor: str | None


class KeyQuery(BaseModel):
    """Selects keys and a page of them."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(pattern=id_pattern("key"))] | None = None
    owner: OwnerName | None = None


class UsageBody(_Body):
    """The usage of a key on one UTC day, including jobs deleted since."""

    day: date
    owner: str
    key_id: str | None = Field(description="null: a key from the environment, or no key")
    key_name: str | None
    jobs: int = Field(description="jobs submitted on that day, including speech and previews")
    characters: int = Field(
        description="characters of their documents, counted once they are planned"
    )
    audio_s: float = Field(description="seconds of speech generated for them")


class UsageList(_Body):
    """The usage per day, newest first; days and keys without usage are left out."""

    first_day: date
    last_day: date
    items: list[UsageBody]


class UsageQuery(BaseModel):
    """Selects owners and days of usage, by default the last thirty days."""

    model_config = ConfigDict(extra="forbid")

    first_day: Day | None = None
    last_day: Day | None = None
    owner: OwnerName | None = Field(default=None, description="another owner; requires admin")
    all_owners: bool = Field(default=False, description="all owners; requires admin")
