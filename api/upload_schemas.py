"""What is sent of an upload, and what a client sees of one."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.queries import PageQuery
from narration.ids import id_pattern
from narration.jobs.request import Line, Number
from narration.jobs.upload import Upload

MAX_NAME_CHARS = 255


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _plain_name(name: str) -> str:
    if "/" in name or "\\" in name or not name.strip(". "):
        raise ValueError("must be a plain file name without folders")
    return name


class UploadForm(_Body):
    """Which file comes, and how large it is; the ending of its name says of which kind."""

    name: Annotated[
        Line,
        Field(min_length=1, max_length=MAX_NAME_CHARS, examples=["book.epub"]),
        AfterValidator(_plain_name),
    ]
    size_bytes: Annotated[int, Field(ge=1, le=2**53, examples=[1048576]), Number]


class ListedUpload(_Body):
    """A document that was announced and not submitted yet."""

    id: str
    object: Literal["upload"] = "upload"
    name: str
    size_bytes: int
    created_at: datetime
    expires_at: datetime = Field(description="until then it can be submitted")


class UploadPage(_Body):
    """Uploads that wait, newest first."""

    items: list[ListedUpload]
    next_cursor: str | None


class UploadQuery(PageQuery):
    """From where on."""

    cursor: Annotated[str, Field(pattern=id_pattern("upload"))] | None = None


class UploadBody(ListedUpload):
    """A document that is to come, and where its bytes are PUT to."""

    method: Literal["PUT"] = "PUT"
    url: str = Field(
        description="signed, for exactly so many bytes, and to be used without a key; one that "
        "begins with `/` is this server's own and needs the key"
    )
    url_expires_s: int


def listed_upload(upload: Upload) -> ListedUpload:
    """Show an upload without a URL: who reads a list need not be one who may write."""
    return ListedUpload(
        id=upload.id,
        name=upload.name,
        size_bytes=upload.size_bytes,
        created_at=upload.created_at,
        expires_at=upload.expires_at,
    )


def upload_body(upload: Upload, url: str | None, url_expires_s: int) -> UploadBody:
    """Show an upload with the URL of its store, or ours where the store has none."""
    return UploadBody(
        id=upload.id,
        name=upload.name,
        size_bytes=upload.size_bytes,
        url=url or f"/v1/uploads/{upload.id}",
        url_expires_s=url_expires_s,
        created_at=upload.created_at,
        expires_at=upload.expires_at,
    )
