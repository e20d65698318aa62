"""What is wrong with a value, in the words of this service: those of libraries never reach callers.

Knows the kinds of errors that Pydantic tells apart, and what its forms of requests can be; a kind
that is not here is told in general words.
"""

from collections.abc import Mapping
from typing import Any

_PLAIN = {
    "extra_forbidden": "there is no such field",
    "missing": "is missing: send it",
    "json_invalid": "is not JSON: send one JSON value, in UTF-8",
    "json_type": "is not JSON: send one JSON value, in UTF-8",
    "string_type": "is not a text: write it as a JSON string",
    "string_unicode": "is not UTF-8: write it in Unicode",
    "string_pattern_mismatch": "does not have the form that is asked for: see /docs",
    "int_type": "is not a whole number",
    "int_parsing": "is not a whole number",
    "int_parsing_size": "is a number with too many digits",
    "int_from_float": "is not a whole number",
    "float_type": "is not a number",
    "float_parsing": "is not a number",
    "finite_number": "is not a finite number",
    "bool_type": "is neither true nor false",
    "bool_parsing": "is neither true nor false",
    "list_type": "is not a list: write it as a JSON array",
    "tuple_type": "is not a list: write it as a JSON array",
    "set_type": "is not a list: write it as a JSON array",
    "frozen_set_type": "is not a list: write it as a JSON array",
    "dict_type": "has no fields: write it as a JSON object",
    "model_type": "has no fields: write it as a JSON object",
    "model_attributes_type": "has no fields: write it as a JSON object",
    "none_required": "must be null",
    "datetime_type": "is not a date: write one like 2026-11-28T09:30:00Z",
    "datetime_parsing": "is not a date: write one like 2026-11-28T09:30:00Z",
    "datetime_from_date_parsing": "is not a date: write one like 2026-11-28T09:30:00Z",
    "datetime_object_invalid": "is not a date: write one like 2026-11-28T09:30:00Z",
    "union_tag_not_found": "does not say which kind it is: see /docs",
    "union_tag_invalid": "is of a kind that there is not: see /docs",
    "recursion_loop": "holds itself",
}
_BOUNDED = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be {le} or less",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_too_long": "has more than {max_length} characters",
    "string_too_short": "has fewer than {min_length} characters",
    "too_long": "has more than {max_length} items",
    "too_short": "has fewer than {min_length} items",
    "enum": "is not one of: {expected}",
    "literal_error": "is not one of: {expected}",
}
_LENGTHS = ("too_long", "too_short")
# Ours: raised by validators of this service as ValueError.
_OWN = ("value_error", "assertion_error")
_OTHER = "cannot be used here: see /docs"

# What the parser of forms says, by how it begins.
_FORMS = {
    "Too many files": "it has more files than are taken here",
    "Too many fields": "it has more fields than are taken here",
    "Part exceeded": "one of its fields is too long",
    "Missing boundary": "its content type has no boundary",
}


def explain_value(kind: str, message: str, context: Mapping[str, Any]) -> str:
    """Say what is wrong with a value. `message` counts only where a validator of ours wrote it."""
    if kind in _OWN:
        return message.partition(", ")[2] or message
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in _LENGTHS and context.get("field_type") == "Value":  # a text that was checked before
        kind = f"string_{kind}"
    if kind in ("too_short", "string_too_short") and context.get("min_length") == 1:
        return "is empty"
    if kind in _BOUNDED:
        return _BOUNDED[kind].format_map({name: _shown(value) for name, value in context.items()})
    return _OTHER


def explain_form(message: str) -> str:
    """Say why a form cannot be read."""
    for beginning, said in _FORMS.items():
        if message.startswith(beginning):
            return said
    return "it does not follow multipart/form-data"


def _shown(value: object) -> str:
    if isinstance(value, str):  # Pydantic's list of what is expected
        return value.replace("'", "").replace(" or ", ", ")
    return f"{value:,}" if isinstance(value, int) else str(value)
