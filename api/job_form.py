"""Request bodies for jobs, with the examples of the OpenAPI document."""

from typing import Annotated, Literal, Self

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, model_validator

from narration.field_types import Line
from narration.ids import id_pattern
from narration.jobs.request import JobSettings, OutputFormat, Outputs
from narration.jobs.work import MAX_COVER_BYTES
from narration.settings import DEFAULT_PROFILE

MEDIA_TYPES = {"text": "text/plain", "markdown": "text/markdown"}


class DestinationBody(BaseModel):
    """Where the artifacts go: a profile of the server and a folder in its bucket."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: Annotated[Line, Field(max_length=64)] = DEFAULT_PROFILE
    prefix: Annotated[Line, Field(max_length=512)] = ""


class JobForm(JobSettings):
    """The fields sent with an uploaded file: the job's settings and its destination."""

    outputs: Annotated[Outputs, Field(min_length=1)] = (OutputFormat.M4B,)
    destination: DestinationBody = DestinationBody()

    @property
    def settings(self) -> JobSettings:
        """The settings that are stored with the job."""
        return JobSettings.model_validate(
            {name: getattr(self, name) for name in JobSettings.model_fields}
        )


class JobRequest(JobForm):
    """A job whose text is in the request, or that is created from a plan or an upload."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "Once upon a midnight dreary, while I pondered, weak and weary."},
                {
                    "text": "# One\n\nIt was a bright cold day in April.",
                    "format": "markdown",
                    "voice": "default",
                    "outputs": ["m4b", "vtt"],
                    "destination": {"prefix": "books/42"},
                    "labels": {"book": "42"},
                },
            ]
        }
    )

    cover: Annotated[Base64Bytes, Field(max_length=MAX_COVER_BYTES)] | None = Field(
        None, description="JPEG or PNG in base64, replaces the document's own cover"
    )
    text: Annotated[str, Field(min_length=1)] | None = None
    format: Literal["text", "markdown"] = "text"
    plan: Annotated[str, Field(pattern=id_pattern("plan"))] | None = Field(
        None,
        description="instead of a text: the id of a plan, whose document and settings are taken; "
        "settings that are sent with it take their place",
    )

    upload: Annotated[str, Field(pattern=id_pattern("upload"))] | None = Field(
        None, description="instead of a text: the id of an upload, whose document is used"
    )

    @model_validator(mode="after")
    def _text_or_plan_or_upload(self) -> Self:
        if [self.text, self.plan, self.upload].count(None) != 2:  # one of the three sources
            raise ValueError("send one of these: a text, the id of a plan, the id of an upload")
        if self.upload is not None and "format" in self.model_fields_set:
            raise ValueError("the name of an upload says which format it has: leave it out")
        if self.plan is not None and {"format", "cover"} & self.model_fields_set:
            raise ValueError("a plan has its format and cover already: leave them out")
        return self
