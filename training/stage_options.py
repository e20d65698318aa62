"""The command line that every stage has."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch

from training.run_state import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOptions:
    """Where a stage reads and writes, until when (seconds since the epoch), and on what."""

    corpus: Path
    state: Path
    until: float
    device: torch.device
    hours: float  # of speech to wait for before the start
    origin: Path | None  # carried parts of an earlier run, or a bundle, to begin with
    begin: float  # which part of the whole schedule this run is
    end: float
    name: str | None  # of the state, if not the stage's
    rate: float | None  # instead of the stage's own, as the two below
    dropout: float | None
    seed: int | None

    @classmethod
    def parse(cls, description: str | None) -> Self:
        """Read the options of this process."""
        parser = argparse.ArgumentParser(description=description)
        parser.add_argument("corpus", type=Path)
        parser.add_argument("state", type=Path)
        parser.add_argument("--until", type=float, required=True)
        parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
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
        """Where this stage keeps its progress."""
        name = self.name or stage
        return RunState(self.state, name, self.until, self.origin, begin=self.begin, end=self.end)
