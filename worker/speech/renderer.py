"""Tokens to watermarked waveforms with the checkpoint's networks: flow, vocoder, watermark.

Whatever is random is drawn here, on the CPU, from each utterance's own seed: neither its neighbours
in the batch nor the device change what an utterance sounds like.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from worker.chatterbox.config import FRAMES_PER_TOKEN
from worker.chatterbox.hift.source import draw_noise as draw_source_noise
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.s3gen.flow import Flow, draw_noise, noise_frames
from worker.chatterbox.t3.decoder import Spoken
from worker.chatterbox.watermark import Watermarker
from worker.speech.types import Utterance


class TorchRenderer:
    """Renderer over the checkpoint's own networks, on whatever device they are."""

    def __init__(self, flow: Flow, vocoder: Vocoder, watermarker: Watermarker | None) -> None:
        self._flow = flow
        self._vocoder = vocoder
        self._watermarker = watermarker

    @property
    def is_watermarked(self) -> bool:
        """Tell whether waveforms carry the watermark."""
        return self._watermarker is not None

    @torch.inference_mode()
    def render(
        self, utterances: Sequence[Utterance], spoken: Sequence[Spoken]
    ) -> list[npt.NDArray[np.float32]]:
        """Make one waveform (S,) per utterance."""
        pairs = list(zip(utterances, spoken, strict=True))
        mels = self._flow.generate(
            [said.tokens for _, said in pairs],
            [utterance.voice for utterance in utterances],
            [
                draw_noise(noise_frames(len(said.tokens), one.voice), generator(one.seed, "flow"))
                for one, said in pairs
            ],
        )
        waveforms = self._vocoder.synthesize(
            mels,
            [
                draw_source_noise(
                    FRAMES_PER_TOKEN * len(said.tokens),
                    self._vocoder.config,
                    generator(one.seed, "source"),
                )
                for one, said in pairs
            ],
        )
        if self._watermarker is not None:
            waveforms = self._watermarker.mark(waveforms)
        return [row.float().cpu().numpy() for row in waveforms]

    def check_health(self) -> None:
        """Raise what an earlier kernel did to the device, if it did."""
        device = self._flow.device
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            torch.zeros(1, device=device).item()


def generator(seed: int, purpose: str) -> torch.Generator:
    """Make a CPU generator of an utterance's seed for one purpose, unlike that for any other."""
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest[:8], "big") >> 1)
