"""The prefix of a T3 row: speaker embedding, summary of the voice prompt, exaggeration."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from worker.chatterbox.config import T3Config
from worker.chatterbox.t3.perceiver import Perceiver
from worker.chatterbox.voice import Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditioning:
    """The conditioning inputs of a batch, padded at the end.

    Shapes: speaker (B, 256); prompt_tokens (B, n); prompt_lengths (B,); exaggeration (B,).
    """

    speaker: Tensor
    prompt_tokens: Tensor
    prompt_lengths: Tensor
    exaggeration: Tensor

    @property
    def prompt_mask(self) -> Tensor:
        """True where a prompt token is real. Shape: (B, n)."""
        steps = torch.arange(self.prompt_tokens.shape[1], device=self.prompt_tokens.device)
        return steps < self.prompt_lengths[:, None]


def collate(
    voices: Sequence[Voice], exaggeration: Sequence[float], device: torch.device
) -> Conditioning:
    """Batch voices of different prompt lengths on the device."""
    prompts = [voice.prompt_tokens for voice in voices]
    return Conditioning(
        speaker=torch.stack([voice.speaker for voice in voices]).to(device),
        prompt_tokens=pad_sequence(prompts, batch_first=True).to(device),
        prompt_lengths=torch.tensor([len(prompt) for prompt in prompts], device=device),
        exaggeration=torch.tensor(exaggeration, dtype=torch.float32, device=device),
    )


class ConditioningEncoder(nn.Module):
    """Three kinds of conditioning as one prefix: speaker, prompt summary, exaggeration."""

    def __init__(self, config: T3Config) -> None:
        super().__init__()
        self.spkr_enc = nn.Linear(config.speaker_width, config.width)
        self.emotion_adv_fc = nn.Linear(1, config.width, bias=False)
        self.perceiver = Perceiver(config)

    def forward(self, conditioning: Conditioning, prompt: Tensor) -> Tensor:
        """Encode a batch; `prompt` holds the embedded prompt tokens.

        Shapes: prompt (B, n, D) -> (B, 1 + queries + 1, D).
        """
        dtype = prompt.dtype
        speaker = self.spkr_enc(conditioning.speaker.to(dtype))[:, None]
        summary = self.perceiver(prompt, conditioning.prompt_mask)
        mood = self.emotion_adv_fc(conditioning.exaggeration.to(dtype)[:, None, None])
        return torch.cat((speaker, summary, mood), dim=1)
