"""Golden waveforms of upstream's S3Gen and HiFT run one after the other, from tokens to sound.

Run as `UPSTREAM/bin/python -m tests.goldens.make_chain [--full]`, after make_s3gen and make_hift:
weights, voices, tokens and flow noise are theirs, and only new tensors are stored.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from tests.goldens import make_hift, make_s3gen, upstream
from worker.chatterbox.config import FlowConfig, HiftConfig

ROWS = 2
KEPT = ("phases", "noise", "f0", "waveform")


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, object]]:
    """Return a golden's tensors and the sizes of its network."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        return tensors, json.loads(file.metadata()["config"])


def load(network: nn.Module, tensors: dict[str, Tensor], prefix: str) -> nn.Module:
    weights = {
        name.removeprefix(prefix): tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }
    network.load_state_dict(weights)
    return network.eval()


def main(*, full: bool) -> None:
    upstream.prepare(seed=9)
    folder = upstream.FULL if full else upstream.TOY
    inputs, flow_sizes = read(folder / "s3gen.safetensors")
    hift, hift_sizes = read(folder / "hift.safetensors")
    flow = load(make_s3gen.build(FlowConfig(**flow_sizes)), inputs, "flow.")
    vocoder = load(make_hift.build(HiftConfig(**hift_sizes)), hift, "mel2wav.")
    tensors: dict[str, Tensor] = {}
    for index in range(ROWS):
        mel = make_s3gen.run(flow, inputs, index)[f"{index}.mel"]
        with torch.inference_mode():
            made = make_hift.run(vocoder, mel, index)
        tensors |= {f"{index}.{name}": made[f"{index}.{name}"] for name in KEPT}
    f0 = torch.cat([tensors[f"{index}.f0"] for index in range(ROWS)])
    sys.stdout.write(f"voiced: {(f0 > 10).float().mean():.2f}\n")
    upstream.save(folder / "chain.safetensors", tensors, config="{}")


if __name__ == "__main__":
    main(full="--full" in sys.argv)
