"""The teacher's steady tones are removed from the training speech, and nothing else."""

import math

import torch

from training.teacher.whistles import RATE_HZ, WHISTLES_HZ, take_out_whistles


def tone(hz: float, seconds: float = 2.0) -> torch.Tensor:
    return torch.sin(2 * math.pi * hz * torch.arange(int(seconds * RATE_HZ)) / RATE_HZ)


def test_a_steady_tone_of_the_teacher_is_gone() -> None:
    for hz in WHISTLES_HZ:
        left = take_out_whistles(tone(hz))[2400:-2400]
        assert float(left.abs().max()) < 0.02


def test_a_sound_beside_it_stays_as_it_was() -> None:
    sound = tone(4700.0) + tone(220.0)
    middle = slice(2400, -2400)  # at its abrupt ends a tone contains all frequencies
    assert torch.allclose(take_out_whistles(sound)[middle], sound[middle], atol=0.01)
