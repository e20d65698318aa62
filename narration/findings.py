"""What the checks of a text or a take report; pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A check that a chunk failed: the measured value and the limit it exceeded, in the same unit.

    `detail` names the characters or the language that a check of the text reports.
    """

    flag: str
    measured: float
    limit: float
    unit: str
    detail: str | None = None
