"""Why a job failed, as stored in its row and events; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from narration.errors import RhapsodeError, SpeechError, TransientError


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """An error's code and text, and whether a retry may help."""

    code: str = RhapsodeError.code
    message: str = ""
    is_retryable: bool = False


def describe_error(error: Exception) -> JobError:
    """Return an error as a job stores it; of a bug only its name: the text is for the logs."""
    if isinstance(error, RhapsodeError):
        is_retryable = isinstance(error, TransientError | SpeechError)
        return JobError(code=error.code, message=str(error), is_retryable=is_retryable)
    return JobError(
        message=f"{type(error).__name__}: see the logs of the worker", is_retryable=True
    )


def read_error(stored: Mapping[str, Any]) -> JobError:
    """Read the error of an event of any version; unknown fields of later versions are ignored."""
    return JobError(
        **{name: stored[name] for name in JobError.__dataclass_fields__ & stored.keys()}
    )
