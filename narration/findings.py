"""What the checks of a text or a take found; pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check that a chunk failed: what was measured and the limit it crossed, in this unit.

    `detail` names the characters or the language that a check of the text found.
    """

    flag: str
    measured: float
    limit: float
    unit: str
    detail: str | None = None
