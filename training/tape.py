"""Concatenated speech in the memory of the device that trains, so that crops are drawn there.

A crop may cross from one utterance into the next: it is still speech, and its labels are right.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from training.corpus import FULL_SCALE, Utterance
from worker.chatterbox.config import FRAMES_PER_TOKEN, SAMPLES_PER_TOKEN, TOKEN_RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class Crops:
    """Crops of equal length, cut at token boundaries.

    Shapes: audio (B, 480 F) float; pitch, phonemes (B, F); voices (B, F / 2).
    """

    audio: Tensor
    pitch: Tensor
    phonemes: Tensor
    voices: Tensor


class SpeechTape:
    """Memory for a fixed number of hours of speech, filled over time and never reallocated."""

    def __init__(self, hours: float, device: torch.device) -> None:
        self.room = int(hours * 3600 * TOKEN_RATE_HZ)
        self.tokens = 0
        self._length = torch.zeros((), device=device)
        self._audio = torch.zeros(self.room, SAMPLES_PER_TOKEN, dtype=torch.int16, device=device)
        self._pitch = torch.zeros(self.room, FRAMES_PER_TOKEN, device=device)
        self._phonemes = torch.zeros(self.room, FRAMES_PER_TOKEN, dtype=torch.uint8, device=device)
        self._voices = torch.zeros(self.room, dtype=torch.uint8, device=device)

    @property
    def hours(self) -> float:
        return self.tokens / TOKEN_RATE_HZ / 3600

    def append(self, utterances: Iterable[Utterance]) -> None:
        """Append utterances until the memory is full."""
        taken: list[Utterance] = []
        end = self.tokens
        for utterance in utterances:
            if end + utterance.tokens > self.room:
                break
            taken.append(utterance)
            end += utterance.tokens
        if not taken:
            return
        # Four large copies instead of many: on a shared GPU each copy has to wait.
        place = slice(self.tokens, end)
        lengths = torch.tensor([u.tokens for u in taken])
        voices = torch.tensor([u.voice for u in taken]).repeat_interleave(lengths)
        self._audio[place].copy_(_join([u.audio for u in taken], SAMPLES_PER_TOKEN))
        self._pitch[place].copy_(_join([u.pitch for u in taken], FRAMES_PER_TOKEN))
        self._phonemes[place].copy_(_join([u.phonemes for u in taken], FRAMES_PER_TOKEN))
        self._voices[place].copy_(voices)
        self.tokens = end
        self._length.fill_(end)

    def draw(self, rows: int, tokens: int) -> Crops:
        """Cut random crops of a number of tokens."""
        device = self._length.device
        starts = (torch.rand(rows, device=device) * (self._length - tokens)).long()
        index = starts[:, None] + torch.arange(tokens, device=device)
        return Crops(
            audio=self._audio[index].flatten(1).float() / FULL_SCALE,
            pitch=self._pitch[index].flatten(1),
            phonemes=self._phonemes[index].flatten(1).long(),
            voices=self._voices[index].long(),
        )


def _join(rows: list[Tensor], unit: int) -> Tensor:
    return torch.cat(rows).view(-1, unit)
