"""Shared by all training stages: saved state, log, learning rate schedule, averaged weights."""

import json
import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.parts import read_origin

WARM_UP_STEPS = 200
KEEP_EVERY_S = 60.0
LAST_RATE = 0.03  # of the highest learning rate
_ONLY_TRAINING = ("x_classes.", "voice_classes.")  # the classes of the speaker networks


class RunState:
    """A stage's progress; a resumed run spreads the rest of its schedule over its new time."""

    def __init__(
        self,
        folder: Path,
        name: str,
        until: float,
        origin: Path | None = None,
        *,
        begin: float = 0.0,
        end: float = 1.0,
    ) -> None:
        """`origin`: saved weights of an earlier run, or a bundle, to start from.

        `begin` and `end`: the part of the whole schedule that this run covers, if several share it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.name, self.origin = name, origin
        self.path = folder / f"{name}.pt"
        self.log_path = folder / f"{name}.log"
        self.step = 0
        self.until = until
        self._begun = time.time()
        self._done_before, self._end = begin, end
        self._kept = time.time()

    @property
    def progress(self) -> float:
        """The progress from 0 at the start of the first run to 1 at the end of the last."""
        box = max(self.until - self._begun, 1e-9)
        share = min(1.0, (time.time() - self._begun) / box)
        return self._done_before + (self._end - self._done_before) * share

    def is_over(self) -> bool:
        return time.time() >= self.until

    def rate(self, highest: float) -> float:
        """Return the learning rate: it rises with the steps, then falls as a cosine of progress."""
        warm = min(1.0, (self.step + 1) / WARM_UP_STEPS)
        fall = 0.5 * (1 + math.cos(math.pi * self.progress))
        return highest * warm * (LAST_RATE + (1 - LAST_RATE) * fall)

    def begin_with(self, network: nn.Module, name: str | None = None) -> bool:
        """Load an earlier run's weights, if one was named and its sizes are the same.

        Returns whether they were loaded.
        """
        earlier = read_origin(self.origin).get(name or self.name) if self.origin else None
        if not earlier or not _has_sizes_of(earlier, network):
            return False
        load_trained(network, earlier)
        return True

    def resume(self, parts: dict[str, Any], device: torch.device) -> bool:
        """Load a saved state, if there is one."""
        if not self.path.exists():
            return False
        kept = torch.load(self.path, map_location=device)
        for name, part in parts.items():
            part.load_state_dict(kept["parts"][name])
        self.step, self._done_before = kept["step"], min(kept["progress"], self._end - 0.02)
        return True

    def keep(self, parts: dict[str, Any], *, force: bool = False) -> None:
        """Save the state if it is due; the file is replaced atomically."""
        if not force and time.time() - self._kept < KEEP_EVERY_S:
            return
        content = {name: part.state_dict() for name, part in parts.items()}
        _replace(self.path, {"parts": content, "step": self.step, "progress": self.progress})
        self._kept = time.time()

    def keep_best(self, best: "Best") -> None:
        """Save the weights that may be bundled; the whole state takes longer."""
        path = self.path.with_name(f"{self.name}_best.pt")
        _replace(path, {"parts": {"best": best.state_dict()}})

    def log(self, **figures: float | str) -> None:
        """Append a line of figures to the log."""
        rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()}
        line = {"step": self.step, "progress": round(self.progress, 3), **rounded}
        with self.log_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


class Average:
    """Exponential moving average of a network's tensors, with a shorter memory in early steps."""

    def __init__(self, module: nn.Module, decay: float = 0.999) -> None:
        self.decay = decay
        self.updates = 0
        self.tensors = {name: t.detach().clone() for name, t in module.state_dict().items()}
        self._followed = _floating(module.state_dict())

    @torch.no_grad()
    def update(self) -> None:
        """Update the average after a training step, which changes the module's tensors in place."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(_floating(self.tensors), self._followed, 1 - decay)

    def state_dict(self) -> dict[str, Any]:
        return {"tensors": self.tensors, "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.tensors, self.updates = state["tensors"], state["updates"]


class Best:
    """The weights that did best on held-out rows, in case a network overfits."""

    def __init__(self) -> None:
        self.loss = float("inf")
        self.tensors: dict[str, Tensor] = {}

    def offer(self, loss: float, tensors: dict[str, Tensor]) -> bool:
        """Keep a copy of the weights if they are better than the best so far; return whether."""
        is_better = loss < self.loss
        if is_better:
            self.loss = loss
            self.tensors = {name: tensor.clone() for name, tensor in tensors.items()}
        return is_better

    def state_dict(self) -> dict[str, Any]:
        return {"loss": self.loss, "tensors": self.tensors}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.loss, self.tensors = state["loss"], state["tensors"]


def make_optimizer(
    parameters: Iterable[nn.Parameter], device: torch.device, **settings: Any
) -> torch.optim.AdamW:
    """Return an AdamW that a CUDA graph can replay: on a GPU its learning rate is a tensor."""
    if device.type != "cuda":
        return torch.optim.AdamW(parameters, **settings)
    rate = torch.tensor(settings.pop("lr"), device=device)
    return torch.optim.AdamW(parameters, lr=rate, capturable=True, fused=True, **settings)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def load_trained(network: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Load an earlier run's network; parts for training only may be missing and start anew."""
    found = network.load_state_dict(tensors, strict=False)
    lost = [name for name in found.missing_keys if not name.startswith(_ONLY_TRAINING)]
    if found.unexpected_keys or lost:
        raise ValueError(f"the weights are not of this network: {found}")


def _replace(path: Path, content: dict[str, Any]) -> None:
    temporary = path.with_suffix(".part")
    torch.save(content, temporary)
    temporary.rename(path)


def _has_sizes_of(tensors: dict[str, Tensor], network: nn.Module) -> bool:
    own = network.state_dict()
    return all(name in own and own[name].shape == t.shape for name, t in tensors.items())


def mean_of(values: Iterable[Tensor]) -> float:
    return float(torch.stack(list(values)).mean())


def _floating(tensors: dict[str, Tensor]) -> list[Tensor]:
    return [tensor for tensor in tensors.values() if tensor.is_floating_point()]
