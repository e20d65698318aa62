"""Layers that compute in the precision of their own weights, whatever comes in.

So bfloat16 is a property of the loaded network: norms and the solver's state stay in float32 around
these layers, and no autocast is needed.
"""

from torch import Tensor, nn


class Linear(nn.Linear):
    """A linear layer whose output has the type of its weights."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.to(self.weight.dtype))


class LayerNorm(nn.LayerNorm):
    """A layer norm in float32."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float())
