"""The teacher's own steady tones: at its frame rate and at twice that, in all it says.

A network that learns from it learns them, and louder: they are what no two lines differ in.
"""

import torch
from torch import Tensor

RATE_HZ = 24_000
WHISTLES_HZ = (4800.0, 9600.0)
WIDTH_HZ = 25.0


def take_out_whistles(audio: Tensor) -> Tensor:
    """Take the teacher's steady tones out, and nothing beside them. Shapes: (S,) -> (S,)."""
    # A length that transforms fast, and so long that its end meets its start in silence.
    length = -(-(len(audio) + RATE_HZ // 4) // RATE_HZ) * RATE_HZ
    spectrum = torch.fft.rfft(audio, length)
    hz = torch.arange(len(spectrum), device=audio.device) * (RATE_HZ / length)
    for whistle in WHISTLES_HZ:
        spectrum = spectrum * (1 - torch.exp(-(((hz - whistle) / WIDTH_HZ) ** 2)))
    return torch.fft.irfft(spectrum, length)[: len(audio)]
