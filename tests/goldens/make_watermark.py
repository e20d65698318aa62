"""Golden outputs of the official Perth watermarker.

Run as `UPSTREAM/bin/python -m tests.goldens.make_watermark`.

Upstream resamples to 32 kHz and back around its network, which alone changes the waveform. So the
mark is the difference from a waveform that was resampled twice without it.
"""

import librosa
import numpy as np
import perth
import torch
from numpy.typing import NDArray

from tests.goldens import upstream
from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.chatterbox.watermark import load_watermarker

PERTH_RATE_HZ = 32_000
SECONDS = 1.5


def speak(seed: int) -> NDArray[np.int16]:
    """Make a sound like speech: gliding harmonics in syllables, with breaths between them."""
    time = np.arange(int(SECONDS * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    pitch = 120 + 30 * np.sin(8.2 * time) + 20 * np.sin(1.9 * time)
    cycles = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE_HZ
    voice = sum(np.sin(cycles * h) / h for h in range(1, 25))
    syllables = np.clip(np.sin(13.2 * time) + 0.4, 0, 1)
    noise = np.random.default_rng(seed).standard_normal(len(time)) * 0.02
    breath = noise * np.clip(np.sin(20.7 * time), 0, 1)
    return ((voice * syllables + breath) * 0.15 * 32767).round().astype(np.int16)


def main() -> None:
    upstream.prepare()
    official = perth.PerthImplicitWatermarker()
    samples = speak(seed=9)
    waveform = samples.astype(np.float32) / 32768
    marked = official.apply_watermark(waveform, SAMPLE_RATE_HZ)
    there = librosa.resample(waveform, orig_sr=SAMPLE_RATE_HZ, target_sr=PERTH_RATE_HZ)
    back = librosa.resample(there, orig_sr=PERTH_RATE_HZ, target_sr=SAMPLE_RATE_HZ)
    [ours] = load_watermarker().mark([torch.from_numpy(waveform)])
    heard = {
        name: float(official.get_watermark(sound, SAMPLE_RATE_HZ, round=False))
        for name, sound in (("none", waveform), ("official", marked), ("ours", ours.numpy()))
    }
    assert heard["none"] < 0.1, heard
    assert heard["ours"] > 0.9, heard
    tensors = {
        "samples": torch.from_numpy(samples),
        "marked": torch.from_numpy(marked).half(),
        "mark": torch.from_numpy(marked - back),
    }
    upstream.save(upstream.TOY / "watermark.safetensors", tensors, perth="1.0.1", heard=heard)


if __name__ == "__main__":
    main()
