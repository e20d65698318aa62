"""Imports, seeds and randomises upstream Chatterbox, which makes the golden outputs.

The scripts make_*.py in this folder run in a separate environment (docs/model.md explains how to
build it), from the repository's root: `UPSTREAM/bin/python -m tests.goldens.make_t3`.
They import from `worker.chatterbox` at most its config, never the networks under test.
Toy goldens are committed in tests/data/goldens; full shapes go to goldens/, which git ignores.
"""

import sys
import types
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

TOY = Path("tests/data/goldens")
FULL = Path("goldens")
VERSIONS = {"chatterbox-tts": "0.1.7", "s3tokenizer": "0.3.0", "transformers": "5.2.0"}

# Imported by upstream's package for languages without goldens.
_NOT_NEEDED = ("spacy_pkuseg", "pykakasi")


def prepare(seed: int = 0) -> None:
    """Make `import chatterbox` work, check what is installed, seed torch, two threads."""
    for name in _NOT_NEEDED:
        sys.modules.setdefault(name, types.ModuleType(name))
    found = {name: version(name) for name in VERSIONS}
    if found != VERSIONS:
        raise SystemExit(f"goldens are made from {VERSIONS}, found {found}")
    torch.set_num_threads(2)
    torch.manual_seed(seed)


def generator(seed: int) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(seed)


def randomize_norms(module: nn.Module, seed: int) -> None:
    """Draw every normalisation's weight, bias and running statistics at random, in place.

    Initially they are ones and zeros, which would hide a swapped or missing one.
    """
    draw = generator(seed)

    def fill(tensor: Tensor | None, low: float, high: float) -> None:
        if tensor is not None:
            noise = torch.rand(tensor.shape, generator=draw)
            tensor.copy_(low + (high - low) * noise)

    with torch.no_grad():
        for part in module.modules():
            if "Norm" not in type(part).__name__ or not hasattr(part, "weight"):
                continue
            fill(part.weight, 0.6, 1.4)
            fill(getattr(part, "bias", None), -0.3, 0.3)
            fill(getattr(part, "running_mean", None), -0.3, 0.3)
            fill(getattr(part, "running_var", None), 0.5, 1.5)


def save(path: Path, tensors: dict[str, Tensor], **facts: object) -> None:
    """Write a golden: tensors plus what they were made from, as the file's metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    metadata = {**VERSIONS, **{name: str(fact) for name, fact in facts.items()}}
    save_file(plain, path, metadata=metadata)
    sys.stdout.write(f"{path}: {len(plain)} tensors, {path.stat().st_size:,} bytes\n")
