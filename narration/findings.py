"""What the checks of a take found, as code handles it and as rows keep it; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check that a take failed: what was measured and the limit it crossed, in this unit."""

    flag: str
    measured: float
    limit: float
    unit: str


def dump_findings(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings as a row keeps them."""
    return [asdict(finding) for finding in findings]


def load_findings(stored: Iterable[Mapping[str, Any]]) -> tuple[Finding, ...]:
    """Return the findings of a row of any version; fields of later ones are passed over."""
    return tuple(
        Finding(
            flag=finding["flag"],
            measured=finding["measured"],
            limit=finding["limit"],
            unit=finding["unit"],
        )
        for finding in stored
    )
