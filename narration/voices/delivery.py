"""How a voice speaks: set for a job, for one chunk, or noted on a voice; pure."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from narration.field_types import Number


class DeliverySettings(BaseModel):
    """How the voice speaks; names and defaults are those of upstream Chatterbox."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    exaggeration: Annotated[float, Field(ge=0, le=2), Number] = 0.5
    cfg_weight: Annotated[float, Field(ge=0, le=2), Number] = 0.5
    temperature: Annotated[float, Field(ge=0, le=5), Number] = 0.8
    repetition_penalty: Annotated[float, Field(ge=1, le=10), Number] = 1.2
    min_p: Annotated[float, Field(ge=0, le=1), Number] = 0.05
    top_p: Annotated[float, Field(ge=0.01, le=1), Number] = 1.0

    def with_changes(self, changes: "DeliverySettings | None") -> "DeliverySettings":
        """Return these settings with those fields of others that were set explicitly."""
        return self if changes is None else self.model_copy(update=changes.chosen())

    def chosen(self) -> dict[str, float]:
        """Return the fields that were set explicitly, as JSON keeps them."""
        return self.model_dump(exclude_unset=True)
