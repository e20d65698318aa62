"""Bodies of mending: takes, what is asked of them, and what a job delivered, again and again."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import FindingBody
from narration.jobs.request import DeliverySettings, Line, Number

MAX_CORRECTION_CHARS = 1000  # as written; as spoken it is shorter
LAST_NUMBER = 2**31 - 1


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RetakeForm(_Body):
    """How a chunk is to be spoken again; what is left out stays as it is for this chunk."""

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
        Field(None, description="instead of the text as it was spoken; the captions stay")
    )
    delivery: DeliverySettings | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63), Number] | None = Field(
        None, description="instead of the job's; every take has a seed of its own anyway"
    )


class AcceptForm(_Body):
    """Which take is accepted: the one that is kept, unless another is named."""

    take: Annotated[int, Field(ge=0, le=LAST_NUMBER), Number] | None = None


class RevisionForm(_Body):
    """The new text of a job; its settings, voice and level stay."""

    text: Annotated[str, Field(min_length=1)]
    format: Literal["text", "markdown"] = "text"


class TakeBody(_Body):
    """One spoken take of a chunk, and where it can be heard."""

    number: int
    is_kept: bool = Field(description="the one that is, or will be, in the job's files")
    spoken_text: str
    delivery: DeliverySettings | None = Field(description="where it is not as the job's settings")
    seed: str  # a 64-bit number, too large for JavaScript's
    duration_s: float
    findings: list[FindingBody]
    url: str


class TakeList(_Body):
    """The takes of a chunk that can be heard, in the order of their numbers."""

    items: list[TakeBody]


class ArtifactBody(_Body):
    """A delivered file, and a URL made for this answer that is valid for `url_expires_s`."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    duration_s: float | None
    url: str
    url_expires_s: int | None


class ArtifactList(_Body):
    """What a job delivered."""

    items: list[ArtifactBody]


class RevisionBody(_Body):
    """What a job delivered at once; `replaced_at` is null for the present delivery."""

    number: int
    replaced_at: datetime | None
    artifacts: list[ArtifactBody]


class RevisionList(_Body):
    """The deliveries of a job, newest first, and the jobs that share its text in part."""

    items: list[RevisionBody]
    revision_of: str | None = Field(description="the job whose text was changed into this one")
    revised_by: list[str] = Field(description="the jobs that this one's text was changed into")
