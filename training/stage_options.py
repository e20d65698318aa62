"""The command line options of every stage."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch

from training.run_state import RunState


def parse_device(name: str) -> torch.device:
    """Return the device of that name; `cuda` is the first GPU, which torch must be told."""
    device = torch.device(name)
    is_any_gpu = device.type == "cuda" and device.index is None
    return torch.device("cuda", 0) if is_any_gpu else device


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOptions:
    """A stage's folders, deadline (seconds since the epoch) and device."""

    corpus: Path
    state: Path
    until: float
    device: torch.device
    hours: float  # of speech to wait for before training starts
    origin: Path | None  # saved weights of an earlier run, or a bundle, to start from
    begin: float  # the part of the whole schedule that this run covers
    end: float
    name: str | None  # of the state, if not the stage's
    rate: float | None  # instead of the stage's own, as the two below
    dropout: float | None
    seed: int | None

    @classmethod
    def parse(cls, description: str | None) -> Self:
        """Parse the command line."""
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("corpus", type=Path)
        parser.add_argument("state", type=Path)
        parser.add_argument("--until", type=float, required=True)
        parser.add_argument("--device", type=parse_device, default="cuda")
        parser.add_argument("--hours", type=float, default=1.0)
        parser.add_argument("--origin", type=Path)
        parser.add_argument("--begin", type=float, default=0.0)
        parser.add_argument("--end", type=float, default=1.0)
        parser.add_argument("--name")
        parser.add_argument("--rate", type=float)
        parser.add_argument("--dropout", type=float)
        parser.add_argument("--seed", type=int)
        options = cls(**vars(parser.parse_args()))
        if options.device.type == "cuda":
            torch.cuda.set_device(options.device)
        return options

    def run_state(self, stage: str) -> RunState:
        """Return the file in which this stage saves its progress."""
        name = self.name or stage
        return RunState(self.state, name, self.until, self.origin, begin=self.begin, end=self.end)
