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
        options = cls(**vars(parser.parse_args()))
        if options.device.type == "cuda":
            torch.cuda.set_device(options.device)
        return options

    def run_state(self, stage: str) -> RunState:
        """Where this stage keeps its progress."""
        return RunState(self.state, stage, self.until, self.origin)
