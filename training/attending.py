"""How T3 attends in training: with dropout, and with one head that is guided to the text.

The guidance is a loss: how little the head attends to the character that is being spoken.
"""

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from training.t3_data import Batch
from worker.chatterbox.t3.llama import Attend, attend_causally

GUIDED_LAYERS = (2, 4)
WINDOW = (-3, 6)  # characters around the one being spoken


class Forgetting:
    """Drops a share of what attention and feed-forward layers add, in training only."""

    def __init__(self, share: float) -> None:
        self.share = share

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attend causally, with dropout of the result."""
        return self.drop(attend_causally(layer, query, key, value))

    def drop(self, x: Tensor) -> Tensor:
        return nnf.dropout(x, self.share)

    def hook(self, module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        return self.drop(output) if module.training else output


class Guide:
    """Attends as T3 does, and records how little one head attends to the character spoken."""

    def __init__(self, near: Tensor, is_speaking: Tensor, attend: Attend) -> None:
        """Shapes: near (B, L, L), whether key is near query's character; is_speaking (B, L)."""
        self.attend = attend
        self.near = near
        self.is_speaking = is_speaking
        self.losses: list[Tensor] = []

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if layer in GUIDED_LAYERS:
            self.losses.append(self._miss(query[:, 0], key[:, 0]))
        return self.attend(layer, query, key, value)

    def _miss(self, query: Tensor, key: Tensor) -> Tensor:
        scores = (query @ key.mT).float() / query.shape[-1] ** 0.5
        ahead = torch.ones_like(scores[0], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(ahead, float("-inf"))
        near = scores.masked_fill(~self.near, -1e4).logsumexp(-1)
        missed = scores.logsumexp(-1) - near
        return (missed.clamp(max=20) * self.is_speaking).sum() / self.is_speaking.sum()


def make_guide(batch: Batch, prefix: int, length: int, attend: Attend) -> Guide:
    """Find for each position of the embedded rows the keys that hold the character spoken."""
    device = batch.text.device
    places = torch.arange(length, device=device)[None]
    character = places - (prefix + 1)  # of a text position; the frame token stands first
    is_text = (character >= 0) & (character < batch.text_lengths[:, None] - 2)
    step = places - (prefix + batch.text_lengths[:, None] + 1)  # of the token a position predicts
    is_speaking = (step >= 0) & (step < batch.token_lengths[:, None])
    said = batch.characters.gather(1, step.clamp(0, batch.characters.shape[1] - 1))
    ahead = character[:, None, :] - said[:, :, None]
    near = is_text[:, None, :] & (ahead >= WINDOW[0]) & (ahead <= WINDOW[1])
    return Guide(near, is_speaking & near.any(-1), attend)
