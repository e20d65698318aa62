"""The networks that turn tokens into watermarked waveforms, on one CUDA stream or on the CPU."""

import copy
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from worker.chatterbox.cuda_graphs import GraphPool
from worker.chatterbox.hift.source import SourceNoise
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.s3gen.flow import Flow
from worker.chatterbox.s3gen.graphs import accelerate, use_graphs
from worker.chatterbox.t3.prompt import SpeechTokens
from worker.chatterbox.watermark import Watermarker
from worker.engine.options import ResolvedOptions, rows_at_once
from worker.engine.sharing import OpenStream
from worker.engine.types import Utterance


@dataclass(frozen=True, slots=True)
class Noise:
    """The random inputs of one utterance: the flow's start and the vocoder's excitation."""

    flow: Tensor
    source: SourceNoise


class SoundNetworks:
    """Flow, vocoder and watermarker; on a GPU with graphs in a memory pool of their own.

    One thread at a time launches kernels; another can draw noise or fetch results meanwhile.
    """

    def __init__(
        self,
        flow: Flow,
        vocoder: Vocoder,
        watermarker: Watermarker | None,
        open_stream: OpenStream | None,
    ) -> None:
        """`open_stream` opens CUDA streams for the kernels; None on a CPU."""
        self._flow, self._vocoder, self._watermarker = flow, vocoder, watermarker
        self._open_stream = open_stream
        self._stream = open_stream() if open_stream else None
        self._launching = threading.Lock()  # all graphs share one memory pool

    @property
    def is_watermarked(self) -> bool:
        """Whether waveforms carry the watermark."""
        return self._watermarker is not None

    @property
    def is_on_gpu(self) -> bool:
        """Whether the networks have a CUDA stream."""
        return self._stream is not None

    def adapt(self, options: ResolvedOptions) -> None:
        """Convert the networks to the options' precision, and on a GPU accelerate them.

        The vocoder's pitch and excitation stay in full precision, which phases need.
        """
        precision = getattr(torch, options.precision)
        if not options.is_compiled:
            self._flow.use_precision(precision)
            return
        pool = self._open_pool()
        rows = rows_at_once(options.vocoder_batch)
        accelerate(self._flow, precision, pool, rows)
        if self._watermarker is not None:
            self._watermarker.accelerate(pool)
        if precision != torch.float32:
            # Imported here: Triton is not installed where there is no GPU.
            from worker.chatterbox.hift.fast import accelerate_vocoder  # noqa: PLC0415

            accelerate_vocoder(self._vocoder, pool, rows)

    def on_another_stream(self, open_stream: OpenStream) -> "SoundNetworks":
        """Return the same accelerated networks with graphs of their own, for another stream.

        They share weights and compiled code. Graphs of one memory pool cannot run at the same time,
        and keep the priority of the stream they were captured on.
        """
        # Imported here: Triton is not installed where there is no GPU.
        from worker.chatterbox.hift.fast import use_vocoder_graphs  # noqa: PLC0415

        flow, vocoder = copy.copy(self._flow), copy.copy(self._vocoder)
        watermarker = copy.copy(self._watermarker)
        others = SoundNetworks(flow, vocoder, watermarker, open_stream)
        pool = others._open_pool()
        use_graphs(flow, pool)
        use_vocoder_graphs(vocoder, pool)
        if watermarker is not None:
            watermarker.accelerate(pool)
        return others

    def render(
        self,
        utterances: Sequence[Utterance],
        speech_tokens: Sequence[SpeechTokens],
        noise: Sequence[Noise],
    ) -> list[npt.NDArray[np.float32]]:
        """Make one waveform per utterance. Shapes: -> (S,) each."""
        if self._stream is None:
            return [row.float().numpy() for row in self._render(utterances, speech_tokens, noise)]
        with self._launching, torch.cuda.stream(self._stream):
            rows = [_fetch(row) for row in self._render(utterances, speech_tokens, noise)]
            finished = torch.cuda.Event(blocking=True)
            finished.record()
        finished.synchronize()
        return [row.numpy().copy() for row in rows]  # pinned memory is scarce, so free it early

    def check_health(self) -> None:
        """Raise the error that an earlier kernel left on the device, if any."""
        if self._stream is not None:
            self._stream.synchronize()

    def _open_pool(self) -> GraphPool:
        return GraphPool(self._open_stream) if self._open_stream else GraphPool()

    def _render(
        self,
        utterances: Sequence[Utterance],
        speech_tokens: Sequence[SpeechTokens],
        noise: Sequence[Noise],
    ) -> list[Tensor]:
        mels = self._flow.generate(
            [one.tokens for one in speech_tokens],
            [one.voice for one in utterances],
            [drawn.flow for drawn in noise],
        )
        waveforms = self._vocoder.synthesize(mels, [drawn.source for drawn in noise])
        if self._watermarker is not None:
            waveforms = self._watermarker.mark(waveforms)
        return waveforms


def _fetch(row: Tensor) -> Tensor:
    """Start copying a row to the host."""
    return torch.empty(row.shape, pin_memory=True).copy_(row, non_blocking=True)
