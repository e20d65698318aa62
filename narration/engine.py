"""What is recorded of a speech engine: on jobs, in manifests and for each worker; pure."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineIdentity:
    """Which engine speaks; two engines of the same identity make the same sound."""

    model: str
    revision: str  # digest of the checkpoint's files
    back_end: str
    precision: str
    device: str  # cpu or cuda
    is_watermarked: bool

    def describe(self) -> dict[str, Any]:
        """Return the identity as rows, manifests and cache keys hold it."""
        return asdict(self)
