"""What is recorded about a speech engine: on jobs, in manifests and for each worker; pure."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineIdentity:
    """Which engine speaks; engines with the same identity make the same sound."""

    model: str
    revision: str  # digest of the checkpoint files
    back_end: str
    precision: str
    device: str  # cpu or cuda
    is_watermarked: bool

    def describe(self) -> dict[str, Any]:
        """Return the identity as stored in rows, manifests and cache keys."""
        return asdict(self)
