"""Removes the teacher's steady tones, at its frame rate and twice that, from all its speech.

A network trained on this speech would reproduce them even louder, since they are in every line.
"""

import torch
from torch import Tensor

RATE_HZ = 24_000
WHISTLES_HZ = (4800.0, 9600.0)
WIDTH_HZ = 25.0


def take_out_whistles(audio: Tensor) -> Tensor:
    """Remove the teacher's steady tones and nothing else. Shapes: (S,) -> (S,)."""
    # A length with a fast transform, and padding, because the transform joins the end to the start.
    length = -(-(len(audio) + RATE_HZ // 4) // RATE_HZ) * RATE_HZ
    spectrum = torch.fft.rfft(audio, length)
    hz = torch.arange(len(spectrum), device=audio.device) * (RATE_HZ / length)
    for whistle in WHISTLES_HZ:
        spectrum = spectrum * (1 - torch.exp(-(((hz - whistle) / WIDTH_HZ) ** 2)))
    return torch.fft.irfft(spectrum, length)[: len(audio)]
