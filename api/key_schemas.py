"""What is sent and seen of keys."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api.queries import FIRST_YEAR, LAST_YEAR, Moment, require_date
from narration.ids import id_pattern
from narration.jobs.request import Line
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
    """How much a key may ask for; null: what the settings of the server say, by default all."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    requests_a_minute: Limit | None = None
    queued_jobs: Limit | None = Field(default=None, description="narrations that have not ended")
    characters_a_day: Annotated[int, Field(ge=1, le=MAX_CHARACTERS)] | None = Field(
        default=None, description="of the documents submitted, by the days of UTC"
    )
    streams: Limit | None = Field(
        default=None, description="of speech at a time, and as many of events"
    )

    @property
    def limits(self) -> KeyLimits:
        """As the use cases take them."""
        return KeyLimits(**self.model_dump())


class KeyForm(_Body):
    """A key to be made."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [KEY_EXAMPLE]}
    )

    name: Annotated[Line, Field(min_length=1, max_length=MAX_NAME_CHARS)]
    owner: OwnerName | None = Field(default=None, description="the caller's own by default")
    # In an order: the OpenAPI document is the same each time it is written.
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(Scope))] = tuple(
        in_order(USUAL_SCOPES)
    )
    expires_at: Moment | None = None
    limits: LimitsBody = LimitsBody()


class KeyBody(_Body):
    """A key; its secret is not kept."""

    id: str
    owner: str
    name: str
    scopes: list[Scope]
    limits: LimitsBody
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="to a minute")
    revoked_at: datetime | None


class MadeKeyBody(_Body):
    """A key that was made, and its secret: it is shown in this answer only."""

    key: KeyBody
    secret: str = Field(description="what to send as `Authorization: Bearer SECRET`")


class KeyList(_Body):
    """Some keys, newest first, revoked ones too."""

    items: list[KeyBody]
    next_cursor: str | None


class KeyQuery(BaseModel):
    """Which keys, and from where on."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(pattern=id_pattern("key"))] | None = None
    owner: OwnerName | None = None


class UsageBody(_Body):
    """One day of a key, by the days of UTC; what deleted jobs had used is in it."""

    day: date
    owner: str
    key_id: str | None = Field(description="null: a key of the environment, or none")
    key_name: str | None
    jobs: int = Field(description="submitted on that day, speech and previews too")
    characters: int = Field(description="of their documents, once they are planned")
    audio_s: float = Field(description="of speech that was made for them")


class UsageList(_Body):
    """What was used on some days, newest first; days and keys that used nothing are left out."""

    first_day: date
    last_day: date
    items: list[UsageBody]


class UsageQuery(BaseModel):
    """Whose usage, and of which days: the last thirty by default."""

    model_config = ConfigDict(extra="forbid")

    first_day: Day | None = None
    last_day: Day | None = None
    owner: OwnerName | None = Field(default=None, description="another than the caller's: admin")
    all_owners: bool = Field(default=False, description="of everybody: admin")
