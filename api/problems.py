"""Bodies that belong to no resource: problem documents, and answers to health checks."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Liveness(_Body):
    """The process is running."""

    status: Literal["alive"] = "alive"


class Answering(_Body):
    """The process can answer requests."""

    status: Literal["ready"] = "ready"


class Readiness(_Body):
    """The checked dependencies, and the result of each check."""

    status: Literal["ready"] = "ready"
    checks: dict[str, str]
    troubles: list[str] = Field(
        default=[], description="codes of problems that block all jobs until somebody fixes them"
    )
    notice: str | None = Field(
        default=None, description="a notice if only the demonstration voice is available"
    )


class FieldProblem(_Body):
    """What is wrong with one field; the pointer is RFC 6901's."""

    pointer: str
    detail: str


class OpenAIError(_Body):
    """The failure in OpenAI's format."""

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
                    "title": "There is no such resource",
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
    error: OpenAIError | None = Field(
        default=None, description="only in answers to calls in OpenAI's shape"
    )
    checks: dict[str, str] | None = Field(default=None, description="only in answers of /readyz")
    troubles: list[str] = Field(
        default=[], description="codes of problems that block all jobs until somebody fixes them"
    )
    notice: str | None = Field(default=None, description="only in answers of /readyz")
