"""Tokens to watermarked waveforms with the checkpoint's networks: flow, vocoder, watermark.

Whatever is random is drawn here, on the CPU, from each utterance's own seed: neither its neighbours
in the batch nor the device change what an utterance sounds like.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from worker.chatterbox.config import FRAMES_PER_TOKEN
from worker.chatterbox.hift.source import draw_noise as draw_source_noise
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.s3gen.flow import Flow, draw_noise, noise_frames
from worker.chatterbox.s3gen.graphs import accelerate
from worker.chatterbox.t3.decoder import Spoken
from worker.chatterbox.watermark import Watermarker
from worker.speech.options import ResolvedOptions
from worker.speech.sound import Waveforms
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
    ) -> Callable[[], Waveforms]:
        """Begin to make one waveform (S,) per utterance; the returned call waits for them.

        On a GPU nothing before that call waits: whatever goes there is copied from pinned memory.
        """
        if self._stream is None:
            waveforms = [row.float().numpy() for row in self._render(utterances, spoken)]
            return lambda: waveforms
        with torch.cuda.stream(self._stream):
            rows = [_fetch(row) for row in self._render(utterances, spoken)]
            done = torch.cuda.Event(blocking=True)
            done.record()
        return partial(_collect, rows, done)

    def check_health(self) -> None:
        """Raise what an earlier kernel did to the device, if it did."""
        if self._stream is not None:
            self._stream.synchronize()

    def _render(self, utterances: Sequence[Utterance], spoken: Sequence[Spoken]) -> list[Tensor]:
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
        return waveforms


def _fetch(row: Tensor) -> Tensor:
    """Begin to copy a row to the host."""
    return torch.empty(row.shape, pin_memory=True).copy_(row, non_blocking=True)


def _collect(rows: list[Tensor], done: torch.cuda.Event) -> Waveforms:
    done.synchronize()
    return [row.numpy().copy() for row in rows]  # pinned memory is scarce, and soon used again


def _adapt(flow: Flow, vocoder: Vocoder, options: ResolvedOptions) -> None:
    """Bring the networks to the options' precision, and on a GPU to their fast path.

    The vocoder's pitch and excitation stay as they are: phases do not survive fewer bits.
    """
    precision = getattr(torch, options.precision)
    if not options.is_compiled:
        flow.use_precision(precision)
        return
    accelerate(flow, precision)
    if precision != torch.float32:
        # Imported here: Triton is not installed where there is no GPU.
        from worker.chatterbox.hift.fast import accelerate_vocoder  # noqa: PLC0415

        accelerate_vocoder(vocoder)


def generator(seed: int, purpose: str) -> torch.Generator:
    """Make a CPU generator of an utterance's seed for one purpose, unlike that for any other."""
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest[:8], "big") >> 1)
