"""Names what is wrong with a request by the options of the command line that set its fields."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import TYPE_CHECKING

from pydantic import ValidationError

from api.wording import explain_value
from narration.errors import FieldsError, SettingsError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# Those that do not simply have the name of their field.
_OPTIONS = {
    "cover": "--cover",
    "expires_at": "--days",
    "file": "FILE",
    "name": "NAME",
    "other_language": "--any-language",
    "outputs": "--format",
    "scopes": "--scope",
    "spoken": "--read",
}
_GROUPS = ("delivery", "destination", "limits")  # fields whose parts have options
_NAMED_ALIKE = frozenset({
    "author", "cfg_weight", "chapters", "characters_a_day", "english", "exaggeration", "max_chars",
    "owner", "prefix", "priority", "profile", "queued_jobs", "requests_a_minute", "seed", "split",
    "streams", "temperature", "title", "voice",
})  # fmt: skip


@contextmanager
def naming_options() -> Iterator[None]:
    """Report a value that a request cannot have by its option.

    Raises: SettingsError.
    """
    try:
        yield
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise SettingsError(
            "; ".join(f"{name_of(fault['loc'])}: {_words(fault)}" for fault in faults)
        ) from error


def explain(error: Exception) -> str:
    """Return the message of an error, with options for the fields that it names."""
    if not isinstance(error, FieldsError):
        return str(error)
    return explain_fields([(field["pointer"], field["detail"]) for field in error.fields])


def explain_fields(faults: Sequence[tuple[str, str]]) -> str:
    """Say what is wrong with which options; each fault is a pointer and its detail."""
    return "; ".join(f"{name_of(at.strip('/').split('/'))}: {words}" for at, words in faults)


def _words(fault: "ErrorDetails") -> str:
    given = fault["input"]
    is_no_number = isinstance(given, float) and not isfinite(given)  # it fails any bound first
    kind = "finite_number" if is_no_number else fault["type"]
    return explain_value(kind, fault["msg"], fault.get("ctx", {}))


def name_of(place: Sequence[str | int]) -> str:
    """Return the option that sets a field; a field without one keeps its pointer."""
    names = [str(part) for part in place]
    field = next((name for name in names if name not in _GROUPS), "")
    if field in _OPTIONS:
        return _OPTIONS[field]
    return f"--{field.replace('_', '-')}" if field in _NAMED_ALIKE else "/" + "/".join(names)
