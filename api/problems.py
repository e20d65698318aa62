"""Bodies that belong to no resource: problem documents, and answers to health checks."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Liveness(_Body):
    """The process runs and answers."""

    status: Literal["alive"] = "alive"


class Answering(_Body):
    """Requests can be answered."""

    status: Literal["ready"] = "ready"


class Readiness(_Body):
    """The dependencies that were checked, and what each answered."""

    status: Literal["ready"] = "ready"
    checks: dict[str, str]
    troubles: list[str] = Field(
        default=[], description="codes of what no job gets past until somebody mends it"
    )
    notice: str | None = Field(
        default=None, description="whether only the demonstration voice speaks"
    )


class FieldProblem(_Body):
    """What is wrong with one field; the pointer is RFC 6901's."""

    pointer: str
    detail: str


class OpenAIError(_Body):
    """The same failure as clients of OpenAI read it."""

    message: str
    type: str
    param: str | None
    code: str


class Problem(BaseModel):
    """RFC 9457 problem document."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:rhapsode:problem:not_found",
                    "title": "There is no such thing",
                    "status": 404,
                    "detail": "there is no job job_01",
                    "instance": "/v1/jobs/job_01",
                    "code": "not_found",
                    "what_now": "Check the address; what was purged does not come back.",
                    "retryable": False,
                    "request_id": "5f0c7d1e",
                }
            ]
        }
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    what_now: str
    retryable: bool
    request_id: str | None
    errors: list[FieldProblem] | None = None
    error: OpenAIError | None = Field(default=None, description="of calls in OpenAI's shape only")
    checks: dict[str, str] | None = Field(default=None, description="of /readyz only")
    troubles: list[str] = Field(
        default=[], description="codes of what no job gets past until somebody mends it"
    )
    notice: str | None = Field(default=None, description="of /readyz only")
