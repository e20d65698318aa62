"""Perth's detector on our own transform, from the package's weights: is a waveform marked?"""

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.chatterbox import watermark
from worker.chatterbox.rows import Ends
from worker.chatterbox.weights import read_tensors, select

_SPEEDS = {"slow": 1.25, "normal": 1.0, "fast": 0.75}


def confidence(network: watermark.Watermarker, weights: dict[str, Tensor], wave: Tensor) -> float:
    """Return how sure the detector is, about 0 or about 1."""
    spectrum = network._analyse(wave[None], Ends(longest=len(wave), ends=None))
    level = watermark._to_level(spectrum.abs().clamp_min(1e-9))
    loud = watermark._is_loud(level)
    attention, marks = [], []
    for name, speed in _SPEEDS.items():
        x = level[:, : watermark._MARKED_BINS]
        length = int(x.shape[2] * speed)
        x = F.interpolate(x, size=length, mode="linear", align_corners=True)
        mask = F.interpolate(loud, size=length, mode="nearest")
        x = _run_layers(x, select(weights, f"decoder.{name}_layers."))
        mean = (x * mask).sum(dim=2) / mask.sum(dim=2)
        attention.append(mean[:, 0])
        marks.append(mean[:, 1])
    share = torch.stack(attention).softmax(dim=0)
    return float((torch.stack(marks) * share).sum())


def read_weights() -> dict[str, Tensor]:
    return read_tensors(watermark.find_weights())


def _run_layers(x: Tensor, weights: dict[str, Tensor]) -> Tensor:
    last = max(int(name.split(".")[0]) for name in weights)
    for index in range(last + 1):
        weight, bias = weights[f"{index}.conv.weight"], weights[f"{index}.conv.bias"]
        x = F.conv1d(x, weight, bias, padding=weight.shape[-1] // 2)
        x = x if index == last else F.leaky_relu(x)
    return x
