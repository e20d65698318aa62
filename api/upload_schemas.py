"""Request and response bodies for uploads."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.queries import PageQuery
from narration.field_types import Line, Number
from narration.ids import id_pattern
from narration.jobs.upload import Upload

MAX_NAME_CHARS = 255


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _plain_name(name: str) -> str:
    if "/" in name or "\\" in name or not name.strip(". "):
        raise ValueError("must be a plain file name without folders")
    return name


class UploadForm(_Body):
    """The file to upload: its name, whose suffix determines its kind, and its size."""

    name: Annotated[
        Line,
        Field(min_length=1, max_length=MAX_NAME_CHARS, examples=["book.epub"]),
        AfterValidator(_plain_name),
    ]
    size_bytes: Annotated[int, Field(ge=1, le=2**53, examples=[1048576]), Number]


class ListedUpload(_Body):
    """A pending upload."""

    id: str
    object: Literal["upload"] = "upload"
    name: str
    size_bytes: int
    created_at: datetime
    expires_at: datetime = Field(description="it can be submitted until then")


class UploadPage(_Body):
    """Pending uploads, newest first."""

    items: list[ListedUpload]
    next_cursor: str | None


class UploadQuery(PageQuery):
    """Where a page begins."""

    cursor: Annotated[str, Field(pattern=id_pattern("upload"))] | None = None


class UploadBody(ListedUpload):
    """A pending upload, and the address to PUT its bytes to."""

    method: Literal["PUT"] = "PUT"
    url: str = Field(
        description="signed for exactly this many bytes, and used without a key; one that "
        "begins with `/` is this server's own and needs the key"
    )
    url_expires_s: int


def listed_upload(upload: Upload) -> ListedUpload:
    """Show an upload without its URL, since a key that reads lists may not be allowed to write."""
    return ListedUpload(
        id=upload.id,
        name=upload.name,
        size_bytes=upload.size_bytes,
        created_at=upload.created_at,
        expires_at=upload.expires_at,
    )


def upload_body(upload: Upload, url: str | None, url_expires_s: int) -> UploadBody:
    """Convert an upload to its body, with a URL of its store, or ours if the store has none."""
    return UploadBody(
        **listed_upload(upload).model_dump(),
        url=url or f"/v1/uploads/{upload.id}",
        url_expires_s=url_expires_s,
    )
