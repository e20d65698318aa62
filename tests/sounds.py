"""Sound like speech for encoders and meters: alternately voiced, unvoiced and silent."""

import numpy as np

from narration.sound.waveform import Waveform
from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.rendering.edges import trim_edges

_SYLLABLE_S = 0.22
_FORMANTS_HZ = ((700, 1200, 2600), (300, 2300, 3000), (500, 900, 2400), (400, 1800, 2500))


def speak(duration_s: float, seed: int, level: float = 0.25) -> Waveform:
    """Make a chunk of about this length, edges trimmed as takes are."""
    draw = np.random.default_rng(seed)
    syllables = [_syllable(draw) for _ in range(max(1, round(duration_s / _SYLLABLE_S)))]
    sound = np.concatenate([np.zeros(2400), *syllables, np.zeros(2400)])
    sound += draw.normal(0, 10 ** (-70 / 20), sound.size)  # the noise of a vocoder in silence
    loudest = np.abs(sound).max()
    return trim_edges((level / loudest * sound).astype(np.float32))


def _syllable(draw: np.random.Generator) -> np.ndarray:
    size = int(SAMPLE_RATE_HZ * _SYLLABLE_S * draw.uniform(0.6, 1.4))
    shape = np.hanning(size) * draw.uniform(0.2, 1)
    if draw.random() < 0.2:
        return 0.15 * shape * np.diff(draw.normal(0, 1, size + 1))
    pitch = draw.uniform(100, 160) * (1 + 0.15 * np.sin(np.linspace(0, 3, size)))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE_HZ
    formants = _FORMANTS_HZ[draw.integers(len(_FORMANTS_HZ))]
    voiced = np.zeros(size)
    for harmonic in range(1, 36):
        distances = (harmonic * pitch.mean() - np.array(formants)) / 150
        voiced += (np.exp(-(distances**2)).sum() + 0.02) * np.sin(harmonic * phase)
    return shape * voiced + 0.02 * shape * draw.normal(0, 1, size)
