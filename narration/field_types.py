"""Types of the fields that callers send: text that can be stored anywhere, and real numbers."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # and lone surrogates


def require_line(text: str) -> str:
    """Return the text if every database, header and file name can hold it.

    Raises: ValueError.
    """
    match = CONTROLS.search(text)
    if match is not None:
        raise ValueError(f"contains the control character U+{ord(match[0]):04X}: remove it")
    return text


def _require_number(value: object) -> object:
    """Refuse what Pydantic would accept as a number although JSON does not."""
    if isinstance(value, bool | str):
        raise ValueError("is not a number: send one without quotes")  # noqa: TRY004 - Pydantic's
    return value


Number = BeforeValidator(_require_number)
Line = Annotated[str, AfterValidator(require_line)]
