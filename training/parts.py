"""Save the trained weights in files of at most 16 MB, and read them back.

Saved are the averaged networks in float16, without the optimizers' state: enough to export them or
to start another training run.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from training.bundle import Networks, read_weights
from worker.chatterbox.checkpoint import CONFIG_FILE

PART_BYTES = 15_500_000
NETWORKS = {  # network: the file of the stage that trains it, and the part of its state
    "t3": ("t3_best", "best"),
    "t3_last": ("t3", "average"),
    "t3_rival": ("t3_rival_best", "best"),  # a T3 trained beside it in another way
    "t3_rival_last": ("t3_rival", "average"),
    "flow": ("flow", "average"),
    "vocoder": ("vocoder", "average"),
    "vocoder_judges": ("vocoder", "judges"),
    "rival": ("rival", "average"),  # a second vocoder, trained with other options
    "rival_judges": ("rival", "judges"),
    "tokenizer": ("tokenizer", "average"),
    "reader": (
        "tokenizer",
        "reader",
    ),  # without its decoder, a tokenizer would lose its codes in further training
    "speakers": ("speakers", "networks"),
}


def read_origin(folder: Path) -> Networks:
    """Read the weights that a run starts from: an earlier run's parts, or a bundle."""
    found = read_weights(folder) if (folder / CONFIG_FILE).exists() else join(folder)
    if not found:
        raise ValueError(f"{folder} holds no parts and no bundle")
    return found


def read_networks(state: Path, origin: Path | None = None) -> Networks:
    """Read the stages' states; untrained networks come from the run that this one started from."""
    found = read_origin(origin) if origin else {}
    for name, (stage, part) in NETWORKS.items():
        path = state / f"{stage}.pt"
        if path.exists():
            kept = torch.load(path, map_location="cpu")["parts"][part]
            found[name] = kept.get("tensors", kept)
    return found


def split(
    state: Path, folder: Path, origin: Path | None = None, only: list[str] | None = None
) -> None:
    """Write part-N.pt files with all networks, or only some."""
    folder.mkdir(parents=True, exist_ok=True)
    part: dict[str, Tensor] = {}
    size, number = 0, 0
    networks = read_networks(state, origin)
    for network in only or list(networks):
        tensors = networks.get(network, {})
        for name, tensor in tensors.items():
            value = tensor.half() if tensor.is_floating_point() else tensor
            value = value.contiguous().clone()
            if size + value.nbytes > PART_BYTES:
                torch.save(part, folder / f"part-{number}.pt")
                part, size, number = {}, 0, number + 1
            part[f"{network}/{name}"] = value
            size += value.nbytes
    torch.save(part, folder / f"part-{number}.pt")


def join(folder: Path) -> Networks:
    """Read part-N.pt files: network -> tensors, as float32."""
    joined: Networks = {}
    for path in sorted(folder.glob("part-*.pt")):
        for key, tensor in torch.load(path).items():
            network, _, name = key.partition("/")
            value = tensor.float() if tensor.is_floating_point() else tensor
            joined.setdefault(network, {})[name] = value
    return joined


def main() -> None:
    """Split a state folder into parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--origin", type=Path, help="parts or bundle that it began with")
    parser.add_argument("--only", nargs="+", choices=NETWORKS, help="some of the networks")
    arguments = parser.parse_args()
    split(arguments.state, arguments.folder, arguments.origin, arguments.only)


if __name__ == "__main__":
    main()
