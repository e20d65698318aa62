"""The teacher's speech in memory: audio, pitch and phonemes of each utterance.

Labels are resampled to the mel rate: one phoneme and one pitch for each mel frame.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.phoneme_labels import label_frames
from worker.chatterbox.config import (
    FRAMES_PER_TOKEN,
    MEL_RATE_HZ,
    SAMPLES_PER_FRAME,
    SAMPLES_PER_TOKEN,
)

VOICES = ("jf_alpha", "jm_kumo", "jf_gongitsune", "jf_nezumi", "jf_tebukuro")
PITCH_RATE_HZ = 80  # of the teacher
HELD_OUT_EVERY = 2  # shards; the first line of each such shard is never trained on
LINES_PER_SHARD = 1000  # more lines than a shard has, so that indices are unique
FULL_SCALE = 32768.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One spoken line.

    Shapes: audio (S,) int16; pitch (F,) and phonemes (F,) at the mel rate; S = 480 F, F even.
    `spoken`: the phoneme ids in order; `ends`: the mel frame at which each of them ends.
    """

    index: int
    text: str
    voice: int
    exaggeration: float
    audio: Tensor
    pitch: Tensor
    phonemes: Tensor
    spoken: list[int]
    ends: Tensor

    @property
    def tokens(self) -> int:
        return len(self.pitch) // FRAMES_PER_TOKEN

    @property
    def is_held_out(self) -> bool:
        return is_held_out(self.index)


def is_held_out(index: int) -> bool:
    """Return whether an utterance is held out from training."""
    return index % LINES_PER_SHARD == 0 and index // LINES_PER_SHARD % HELD_OUT_EVERY == 0


class Corpus:
    """Utterances read from shards; `refresh` adds shards that were written since."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.utterances: list[Utterance] = []
        self._read: set[str] = set()

    def refresh(self) -> list[Utterance]:
        """Read new shards; return their utterances that are not held out."""
        known = len(self.utterances)
        for path in sorted(self.folder.glob("shard-*.pt")):
            if path.name in self._read:
                continue
            self._read.add(path.name)
            shard = int(path.stem.removeprefix("shard-"))
            for number, line in enumerate(torch.load(path)):
                index = shard * LINES_PER_SHARD + number
                self.utterances.append(_utterance(line, index))
        return [u for u in self.utterances[known:] if not u.is_held_out]

    def wait_for(self, hours: float, patience_s: float = 600.0) -> None:
        """Wait until there is that much speech, or until the time limit."""
        end = time.time() + patience_s
        while self.hours() < hours and time.time() < end:
            self.refresh()
            time.sleep(1)

    def hours(self) -> float:
        return sum(len(u.pitch) for u in self.utterances) / MEL_RATE_HZ / 3600

    def drop_audio(self) -> None:
        """Drop the audio of the utterances read so far: sixty hours take 10 GB in every process."""
        self.utterances = [
            replace(u, audio=u.audio[:0].clone()) if len(u.audio) else u for u in self.utterances
        ]

    def training(self) -> list[Utterance]:
        return [u for u in self.utterances if not u.is_held_out]

    def held_out(self) -> list[Utterance]:
        return [u for u in self.utterances if u.is_held_out]


def _utterance(line: dict[str, Any], index: int) -> Utterance:
    tokens = max(len(line["audio"]) // SAMPLES_PER_TOKEN, 1)
    frames = tokens * FRAMES_PER_TOKEN
    audio = line["audio"][: tokens * SAMPLES_PER_TOKEN]
    audio = torch.nn.functional.pad(audio, (0, tokens * SAMPLES_PER_TOKEN - len(audio)))
    moments_s = (torch.arange(frames) + 0.5) / MEL_RATE_HZ
    at_pitch = (moments_s * PITCH_RATE_HZ).long().clamp(max=len(line["pitch"]) - 1)
    ends_s = line["durations"].float().cumsum(0) * (2 / PITCH_RATE_HZ)
    loudest = audio.reshape(frames, SAMPLES_PER_FRAME).abs().amax(dim=1)
    return Utterance(
        index=index,
        text=line["text"],
        voice=VOICES.index(line["voice"]),
        exaggeration=line["exaggeration"],
        audio=audio,
        pitch=line["pitch"][at_pitch],
        phonemes=label_frames(line["phonemes"], ends_s, moments_s, loudest),
        spoken=line["phonemes"],
        ends=(ends_s * MEL_RATE_HZ).long(),
    )
