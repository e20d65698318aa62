"""Request and response bodies for takes, retakes and revisions."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import FindingBody
from narration.field_types import Line, Number
from narration.voices.delivery import DeliverySettings

MAX_CORRECTION_CHARS = 1000  # as written; the spoken text has a lower limit
LAST_NUMBER = 2**31 - 1


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RetakeForm(_Body):
    """How to retake a chunk; omitted fields stay as they are for this chunk."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {},
                {"spoken_text": "Doctor Livingstone, I presume?"},
                {"delivery": {"exaggeration": 0.7}},
            ]
        }
    )

    spoken_text: Annotated[Line, Field(min_length=1, max_length=MAX_CORRECTION_CHARS)] | None = (
        Field(None, description="replaces the spoken text; the captions stay")
    )
    delivery: DeliverySettings | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63), Number] | None = Field(
        None, description="replaces the job's; every take has its own seed in any case"
    )


class AcceptForm(_Body):
    """The take to accept: by default the one that is kept."""

    take: Annotated[int, Field(ge=0, le=LAST_NUMBER), Number] | None = None


class RevisionForm(_Body):
    """The new text of a job; settings, voice and level stay the same."""

    text: Annotated[str, Field(min_length=1)]
    format: Literal["text", "markdown"] = "text"


class TakeBody(_Body):
    """A take of a chunk, and the address of its audio."""

    number: int
    is_kept: bool = Field(description="whether the job's files contain it, or will")
    spoken_text: str
    delivery: DeliverySettings | None = Field(
        description="where it differs from the job's settings"
    )
    seed: str  # a 64-bit number, too large for JavaScript's numbers
    duration_s: float
    findings: list[FindingBody]
    url: str


class TakeList(_Body):
    """The available takes of a chunk, in the order of their numbers."""

    items: list[TakeBody]


class ArtifactBody(_Body):
    """A delivered file, and a fresh URL for it that is valid for `url_expires_s`."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    duration_s: float | None
    url: str
    url_expires_s: int | None


class ArtifactList(_Body):
    """The files that a job delivered."""

    items: list[ArtifactBody]


class RevisionBody(_Body):
    """One delivery of a job; `replaced_at` is null for the current one."""

    number: int
    replaced_at: datetime | None
    artifacts: list[ArtifactBody]


class RevisionList(_Body):
    """The deliveries of a job, newest first, and the jobs that revise its text."""

    items: list[RevisionBody]
    revision_of: str | None = Field(description="the job whose changed text this one narrates")
    revised_by: list[str] = Field(description="the jobs that narrate changed texts of this one")
