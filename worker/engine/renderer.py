"""Tokens to watermarked waveforms with the checkpoint's networks: flow, vocoder, watermark.

All randomness is drawn here, on the CPU, from each utterance's own seed: neither the rest of the
batch nor the device changes how an utterance sounds.
"""

import hashlib
import threading
from collections.abc import Sequence

import torch

from worker.chatterbox.config import (
    FRAMES_PER_TOKEN,
    MEL_BINS,
    REFERENCE_S,
    TOKEN_RATE_HZ,
    FlowConfig,
)
from worker.chatterbox.hift.source import draw_noise as draw_source_noise
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.s3gen.flow import Flow, draw_noise, noise_frames
from worker.chatterbox.t3.prompt import SpeechTokens
from worker.chatterbox.voice import Voice, make_voice
from worker.chatterbox.watermark import Watermarker
from worker.engine.options import ResolvedOptions
from worker.engine.sharing import Sharing
from worker.engine.sound_networks import Noise, SoundNetworks
from worker.engine.sound_stage import Waveforms
from worker.engine.types import (
    STREAM_PRIORITY,
    Delivery,
    Heard,
    Turn,
    Utterance,
    heard,
    make_turn,
)

_AVERAGE_FRAMES = 1100  # 12 s after a voice prompt of 10 s
# In tokens: one for each length that the encoder and the vocoder have a graph for, up to 20 s.
_LENGTHS = (484, 420, 356, 292, 228, 164, 100)
# Numbers and lengths of utterances that are rendered beside few others: what listeners hear first.
# A graph is captured for every 32 tokens of one utterance, and for every 64 of several.
_FIRST_TOKENS = 126
_FIRST_HEARD = (
    *((1, tokens) for tokens in (62, 30, 94, _FIRST_TOKENS)),
    *((count, tokens) for count in (2, 3, 4, 6, 8) for tokens in (62, _FIRST_TOKENS)),
)
_HEARD_LATER = (
    *((1, tokens) for tokens in range(158, 484, 32)),
    *((2, tokens) for tokens in range(190, 484, 64)),
)
# Later chunks of streams, on large GPUs: captured while listeners wait, each graph would delay all
# sound by up to half a second. Without these, three in four such batches lack that of the flow.
_STREAMED = tuple((n, tokens) for n in (8, 4, 12, 6) for tokens in (164, 100, 228, 292, 356, 420))
_MOST_STRETCH = 28  # tokens by which a length may grow and still use the same graphs
# Each utterance counts as at least this many, so that no batch has more rows than a graph.
_LEAST_FRAMES = 600
_FIRST = make_turn(STREAM_PRIORITY, 0)  # of the first chunk of a stream


class TorchRenderer:
    """Renderer over the checkpoint's own networks, on the device that holds them."""

    def __init__(
        self,
        flow: Flow,
        vocoder: Vocoder,
        watermarker: Watermarker | None,
        options: ResolvedOptions,
        sharing: Sharing,
    ) -> None:
        """`sharing` opens CUDA streams for its kernels; on a CPU it has none."""
        self._flow = flow
        self._vocoder = vocoder
        self._networks = SoundNetworks(flow, vocoder, watermarker, sharing.open_sound_stream)
        self._networks.adapt(options)
        self._first_networks: SoundNetworks | None = None
        if options.has_stream_for_first and sharing.open_first_stream is not None:
            self._first_networks = self._networks.on_another_stream(sharing.open_first_stream)
        self._batch = options.vocoder_batch
        self._silent_voice = _make_silent_voice(flow.config)
        self._unprepared = self._choose_batches() if options.is_compiled else []
        self._preparing = threading.Lock()

    @property
    def is_watermarked(self) -> bool:
        """Whether waveforms carry the watermark."""
        return self._networks.is_watermarked

    @property
    def first_tokens(self) -> int:
        """Length of the longest first sounds that have a stream of their own; 0 without it.

        Longer ones would need graphs that the memory of that stream is not meant for.
        """
        return 0 if self._first_networks is None else _FIRST_TOKENS

    def batch_share(self, utterance: Utterance, speech_tokens: SpeechTokens) -> float:
        """Return how much of a batch an utterance fills, measured by the frames of the flow.

        Full batches then have nearly the same number of frames, so a few CUDA graphs serve them
        all. On a CPU every utterance counts the same.
        """
        if not self._networks.is_on_gpu:
            return 1.0
        frames = noise_frames(len(speech_tokens.tokens), utterance.voice)
        return max(frames, _LEAST_FRAMES) / _AVERAGE_FRAMES

    @torch.inference_mode()
    def render(
        self, utterances: Sequence[Utterance], speech_tokens: Sequence[SpeechTokens]
    ) -> Waveforms:
        """Make one waveform per utterance. Shapes: -> (S,) each."""
        noise = [
            self._draw(one, tokens) for one, tokens in zip(utterances, speech_tokens, strict=True)
        ]
        is_first = heard(utterances[0].turn) is Heard.FIRST
        is_short = all(len(one.tokens) <= self.first_tokens for one in speech_tokens)
        networks = (is_first and is_short and self._first_networks) or self._networks
        return networks.render(utterances, speech_tokens, noise)

    def prepare(self) -> bool:
        """Render one more batch of those that are common, to capture its graphs."""
        with self._preparing:
            if self._unprepared:
                turn, count, tokens = self._unprepared.pop(0)
                one = Utterance(
                    text="", voice=self._silent_voice, delivery=Delivery(), seed=0, turn=turn
                )
                speech_tokens = SpeechTokens(
                    tokens=torch.zeros(tokens, dtype=torch.int64), is_truncated=False
                )
                self.render([one] * count, [speech_tokens] * count)
            return bool(self._unprepared)

    def _choose_batches(self) -> list[tuple[Turn, int, int]]:
        batches = batches_to_prepare(
            self._batch,
            noise_frames(0, self._silent_voice),
            more=_STREAMED if self.first_tokens else (),
        )
        return with_first(batches) if self.first_tokens else [((), *one) for one in batches]

    def check_health(self) -> None:
        """Raise the error that an earlier kernel left on the device, if any."""
        for networks in (self._networks, self._first_networks):
            if networks is not None:
                networks.check_health()

    def _draw(self, utterance: Utterance, speech_tokens: SpeechTokens) -> Noise:
        """Draw the random inputs of an utterance."""
        tokens, seed = len(speech_tokens.tokens), utterance.seed
        frames = noise_frames(tokens, utterance.voice)
        return Noise(
            flow=draw_noise(frames, generator(seed, "flow")),
            source=draw_source_noise(
                FRAMES_PER_TOKEN * tokens, self._vocoder.config, generator(seed, "source")
            ),
        )


def batches_to_prepare(
    batch: int, prompt: int, more: Sequence[tuple[int, int]] = ()
) -> list[tuple[int, int]]:
    """Choose numbers and lengths of utterances; those that a listener waits for come first.

    `more` are prepared after them, as far as they fit.

    Units: lengths in tokens, prompt in frames.
    """
    full = [fill_batch(batch, tokens, prompt) for tokens in _LENGTHS]
    return [
        (count, tokens)
        for count, tokens in (*_FIRST_HEARD, *full, *_HEARD_LATER, *more)
        if count == 1 or (count, tokens) in full or _fits(batch, prompt, count, tokens)
    ]


def with_first(batches: Sequence[tuple[int, int]]) -> list[tuple[Turn, int, int]]:
    """Prepare those that listeners hear first on the stream of first sounds, before all others."""
    firsts = [(_FIRST, *one) for one in batches if one in _FIRST_HEARD]
    return [*firsts, *(((), *one) for one in batches)]


def _fits(batch: int, prompt: int, count: int, tokens: int) -> bool:
    frames = max(prompt + FRAMES_PER_TOKEN * tokens, _LEAST_FRAMES)
    return count * frames <= batch * _AVERAGE_FRAMES


def fill_batch(batch: int, tokens: int, prompt: int) -> tuple[int, int]:
    """Choose how many utterances of about this length fill a batch, and their exact length.

    As many as fit, so that slightly smaller batches reuse the graph.
    Units: prompt in frames.
    """
    most = batch * _AVERAGE_FRAMES
    frames = max(prompt + FRAMES_PER_TOKEN * tokens, _LEAST_FRAMES)
    count = max(1, most // frames)
    spare = max(0, most // count - frames) // FRAMES_PER_TOKEN
    return count, tokens + min(spare, _MOST_STRETCH)


def _make_silent_voice(config: FlowConfig) -> Voice:
    """Make a placeholder voice of the usual length, to capture graphs with."""
    tokens = torch.zeros(REFERENCE_S * TOKEN_RATE_HZ, dtype=torch.int64)
    return make_voice(
        speaker=torch.zeros(0),  # used by T3 only
        prompt_tokens=tokens[:0],
        reference_tokens=tokens,
        reference_mel=torch.zeros(FRAMES_PER_TOKEN * len(tokens), MEL_BINS),
        x_vector=torch.zeros(config.x_vector_width),
    )


def generator(seed: int, purpose: str) -> torch.Generator:
    """Make a CPU generator from an utterance's seed, a different one per purpose."""
    digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest[:8], "big") >> 1)
