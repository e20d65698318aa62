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
from worker.chatterbox.hift.layers import fuse_activations
from worker.chatterbox.hift.source import draw_noise as draw_source_noise
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.s3gen.flow import Flow, draw_noise, noise_frames
from worker.chatterbox.s3gen.graphs import accelerate
from worker.chatterbox.t3.decoder import Spoken
from worker.chatterbox.watermark import Watermarker
from worker.speech.options import ResolvedOptions
from worker.speech.types import Utterance


class TorchRenderer:
    """Renderer over the checkpoint's own networks, on whatever device they are."""

    def __init__(
        self,
        flow: Flow,
        vocoder: Vocoder,
        watermarker: Watermarker | None,
        options: ResolvedOptions,
    ) -> None:
        self._flow = flow
        self._vocoder = vocoder
        self._watermarker = watermarker
        is_cuda = flow.device.type == "cuda"
        # A stream of its own, or every kernel would wait for T3's on the default one.
        self._stream = torch.cuda.Stream(flow.device) if is_cuda else None
        _adapt(flow, vocoder, options)

    @property
    def is_watermarked(self) -> bool:
        """Tell whether waveforms carry the watermark."""
        return self._watermarker is not None

    @torch.inference_mode()
    def render(
        self, utterances: Sequence[Utterance], spoken: Sequence[Spoken]
    ) -> list[npt.NDArray[np.float32]]:
        """Make one waveform (S,) per utterance."""
        with torch.cuda.stream(self._stream):  # no stream, no effect
            return self._render(utterances, spoken)

    def check_health(self) -> None:
        """Raise what an earlier kernel did to the device, if it did."""
        if self._stream is not None:
            self._stream.synchronize()

    def _render(
        self, utterances: Sequence[Utterance], spoken: Sequence[Spoken]
    ) -> list[npt.NDArray[np.float32]]:
        pairs = list(zip(utterances, spoken, strict=True))
        noise = [
            draw_noise(noise_frames(len(said.tokens), one.voice), generator(one.seed, "flow"))
            for one, said in pairs
        ]
        mels = self._flow.generate(
            [said.tokens for _, said in pairs], [one.voice for one in utterances], noise
        )
        source_noise = [
            draw_source_noise(
                FRAMES_PER_TOKEN * len(said.tokens),
                self._vocoder.config,
                generator(one.seed, "source"),
            )
            for one, said in pairs
        ]
        waveforms = self._vocoder.synthesize(mels, source_noise)
        if self._watermarker is not None:
            waveforms = self._watermarker.mark(waveforms)
        return [row.float().cpu().numpy() for row in waveforms]


def _adapt(flow: Flow, vocoder: Vocoder, options: ResolvedOptions) -> None:
    """Bring the networks to the options' precision, and on a GPU to their fast path.

    The vocoder stays in float32: phases of a harmonic sum do not survive eight bits.
    """
    precision = getattr(torch, options.precision)
    if options.is_compiled:
        accelerate(flow, precision)
        fuse_activations(vocoder)
    else:
        flow.use_precision(precision)


def generator(seed: int, purpose: str) -> torch.Generator:
    """Make a CPU generator of an utterance's seed for one purpose, unlike that for any other."""
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest[:8], "big") >> 1)
