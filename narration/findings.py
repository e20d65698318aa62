"""What the checks of a text or a take found, as code handles it and as rows keep it; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


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


def dump_findings(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings as a row keeps them."""
    return [
        {name: value for name, value in asdict(finding).items() if value is not None}
        for finding in findings
    ]


def load_findings(stored: Iterable[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """Return the findings of a row of any version; fields of later ones are passed over."""
    return tuple(
        Finding(
            flag=finding["flag"],
            measured=finding["measured"],
            limit=finding["limit"],
            unit=finding["unit"],
            detail=finding.get("detail"),
        )
        for finding in stored
    )
