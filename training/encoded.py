"""The encoded corpus: files that the encoder adds to, and their reader.

A file holds many utterances, concatenated: reading a tensor for each would take longer than
encoding them.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.corpus import Utterance, is_held_out
from worker.chatterbox.config import FRAMES_PER_TOKEN, TOKEN_RATE_HZ

ENCODED_FILES = "encoded-*.pt"
ENCODED_DONE = "encoded.done"  # everything that the teacher spoke is encoded
PAUSE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """The networks' outputs for one utterance. Shapes: (T,), (192,), (256,)."""

    tokens: Tensor
    x_vector: Tensor
    speaker: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An utterance without its audio: everything that T3 is trained on.

    Shapes: phonemes (2 T,), ends (phonemes spoken,) in mel frames.
    """

    index: int
    text: str
    voice: int
    exaggeration: float
    phonemes: Tensor
    spoken: list[int]
    ends: Tensor
    encoded: Encoded


class EncodedLines:
    """The files that the encoder has written so far; `refresh` reads new ones."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._read: set[str] = set()
        self.lines: list[Line] = []

    @property
    def hours(self) -> float:
        return sum(len(line.encoded.tokens) for line in self.lines) / TOKEN_RATE_HZ / 3600

    def by_index(self) -> dict[int, Encoded]:
        return {line.index: line.encoded for line in self.lines}

    def training(self) -> list[Line]:
        return [line for line in self.lines if not is_held_out(line.index)]

    def held_out(self) -> list[Line]:
        return [line for line in self.lines if is_held_out(line.index)]

    def refresh(self) -> list[Line]:
        """Read new files; return their lines that are not held out."""
        known = len(self.lines)
        for path in sorted(self._state.glob(ENCODED_FILES)):
            if path.name not in self._read:
                self._read.add(path.name)
                self.lines += read_lines(path)
        return [line for line in self.lines[known:] if not is_held_out(line.index)]

    def wait_for(self, hours: float) -> None:
        """Wait until that much is encoded, or the encoder has finished."""
        while True:
            is_all = (self._state / ENCODED_DONE).exists()
            self.refresh()
            if is_all or self.hours >= hours:
                return
            time.sleep(PAUSE_S)


def write_lines(utterances: list[Utterance], encoded: dict[int, Encoded], path: Path) -> None:
    """Write a file atomically, so that a reader never finds an incomplete one."""
    heard = [encoded[u.index] for u in utterances]
    content: dict[str, Any] = {
        "index": [u.index for u in utterances],
        "text": [u.text for u in utterances],
        "voice": [u.voice for u in utterances],
        "exaggeration": [u.exaggeration for u in utterances],
        "spoken": [list(u.spoken) for u in utterances],
        "tokens": torch.cat([e.tokens for e in heard]),
        "lengths": [len(e.tokens) for e in heard],
        "phonemes": torch.cat([u.phonemes for u in utterances]),
        "ends": torch.cat([u.ends for u in utterances]),
        "x_vectors": torch.stack([e.x_vector for e in heard]),
        "speakers": torch.stack([e.speaker for e in heard]),
    }
    temporary = path.with_suffix(".part")
    torch.save(content, temporary)
    temporary.rename(path)


def read_lines(path: Path) -> list[Line]:
    kept = torch.load(path)
    lengths = kept["lengths"]
    rows = zip(
        kept["index"],
        kept["text"],
        kept["voice"],
        kept["exaggeration"],
        kept["phonemes"].split([FRAMES_PER_TOKEN * length for length in lengths]),
        kept["spoken"],
        kept["ends"].split([len(spoken) for spoken in kept["spoken"]]),
        kept["tokens"].split(lengths),
        kept["x_vectors"],
        kept["speakers"],
        strict=True,
    )
    return [
        Line(
            index=index,
            text=text,
            voice=voice,
            exaggeration=exaggeration,
            phonemes=phonemes,
            spoken=spoken,
            ends=ends,
            encoded=Encoded(tokens=tokens, x_vector=x_vector, speaker=speaker),
        )
        for (
            index,
            text,
            voice,
            exaggeration,
            phonemes,
            spoken,
            ends,
            tokens,
            x_vector,
            speaker,
        ) in rows
    ]
