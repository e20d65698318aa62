"""A Chatterbox in the real shapes with random weights: speed does not depend on their values.

Weights are drawn on the device. The length of each utterance is given, and STOP is excluded until
then, because a random model would stop anywhere.
"""

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from vllm import SamplingParams

from worker.chatterbox.config import (
    ACOUSTIC_TOKENS,
    TOKEN_RATE_HZ,
    ChatterboxConfig,
    FlowConfig,
    HiftConfig,
    StorageConfig,
    T3Config,
)
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.s3gen.flow import Flow
from worker.chatterbox.t3.conditioner import Conditioner
from worker.chatterbox.t3.prompt import Prompt
from worker.chatterbox.t3.vllm_folder import write_vllm_folder
from worker.chatterbox.t3.vllm_layout import PromptLayout
from worker.chatterbox.voice import Voice, make_voice
from worker.chatterbox.watermark import Watermarker
from worker.engine.admission import Admission
from worker.engine.open import RESERVED_SHARE, limit_memory, start_sound_stage
from worker.engine.options import ResolvedOptions
from worker.engine.pipeline import PipelineEngine
from worker.engine.renderer import TorchRenderer
from worker.engine.sharing import Sharing, share_device
from worker.engine.slot_stage import SlotStage
from worker.engine.types import Delivery, Utterance
from worker.engine.vllm_decoder import VllmDecoder, sampling_params
from worker.engine.vllm_open import open_decoder, start_vllm

TOY = ChatterboxConfig(
    t3=T3Config(width=64, layers=2, heads=2, kv_heads=2, ffn_width=128),
    flow=FlowConfig(
        encoder_width=32,
        encoder_heads=2,
        encoder_ffn_width=64,
        encoder_layers=1,
        upsampled_layers=1,
        estimator_width=32,
        estimator_heads=2,
        estimator_head_width=16,
        mid_blocks=1,
        transformers_per_block=1,
        steps=2,
    ),
    hift=HiftConfig(base_channels=16, f0_channels=16),
)
_BANK_ROWS = 64
_TEXT_PER_SPEECH_TOKEN = 0.4  # 100 text tokens are spoken in about 10 s
_REFERENCE_TOKENS = 250  # 10 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """An engine and its parts, which can be measured together or alone."""

    engine: PipelineEngine
    tokens: SlotStage
    renderer: TorchRenderer
    flow: Flow
    vocoder: Vocoder
    watermarker: Watermarker
    voice: Voice


def open_bench(config: ChatterboxConfig, options: ResolvedOptions, **overrides: Any) -> Bench:
    """Start the engine with random weights; `overrides` are arguments of vLLM's engine."""
    limit_memory(options)
    with torch.device(options.device):
        flow = Flow(config.flow).eval().requires_grad_(False)
        vocoder = Vocoder(config.hift).eval().requires_grad_(False)
        watermarker = Watermarker().eval().requires_grad_(False)
    sharing = share_device(options)
    renderer = TorchRenderer(flow, vocoder, watermarker, options, sharing)
    tokens = _open_tokens(config, options, sharing, overrides)
    # All slots can be filled at once.
    admission = Admission(options.queue_limit, first=options.queue_limit)
    sound = start_sound_stage(renderer, admission, sharing, options)
    return Bench(
        engine=PipelineEngine(make_prompt, tokens, sound, admission),
        tokens=tokens,
        renderer=renderer,
        flow=flow,
        vocoder=vocoder,
        watermarker=watermarker,
        voice=random_voice(config),
    )


def random_voice(config: ChatterboxConfig) -> Voice:
    """Make a voice in the shapes of one from a 10 s recording."""
    draw = torch.Generator().manual_seed(0)
    tokens = torch.randint(ACOUSTIC_TOKENS, (_REFERENCE_TOKENS,), generator=draw)
    return make_voice(
        speaker=torch.randn(config.t3.speaker_width, generator=draw),
        prompt_tokens=tokens[: config.t3.prompt_tokens],
        reference_tokens=tokens,
        reference_mel=torch.randn(2 * _REFERENCE_TOKENS, 80, generator=draw),
        x_vector=torch.randn(config.x_vector.width, generator=draw),
    )


def utterances(voice: Voice, seed: int = 0) -> Iterator[Utterance]:
    """Yield chunks of 3 to 20 s, 12 on average, without end."""
    pick = random.Random(seed)
    number = 0
    while True:
        yield utterance(voice, pick.triangular(3, 20, 13), number)
        number += 1


def utterance(voice: Voice, seconds: float, seed: int = 0) -> Utterance:
    """Make an utterance of a given duration; its text is the number of its tokens."""
    length = round(seconds * TOKEN_RATE_HZ)
    return Utterance(text=str(length), voice=voice, delivery=Delivery(), seed=seed)


def make_prompt(spoken: Utterance) -> Prompt:
    """Make up text tokens of fitting length; `max_new_tokens` is the number of speech tokens."""
    length = int(spoken.text)
    pick = random.Random(spoken.seed)
    count = max(3, round(length * _TEXT_PER_SPEECH_TOKEN))
    return Prompt(
        text_tokens=[pick.randrange(1, 250) for _ in range(count)],
        voice=spoken.voice,
        max_new_tokens=length,
    )


def exact_sampling(prompt: Prompt, max_new_tokens: int) -> SamplingParams:
    """Sample as the service does, but exactly as many tokens as requested."""
    params = sampling_params(prompt, max_new_tokens)
    params.min_tokens = params.max_tokens
    return params


def _open_tokens(
    config: ChatterboxConfig, options: ResolvedOptions, sharing: Sharing, overrides: dict[str, Any]
) -> SlotStage:
    layout = PromptLayout.of(config.t3)
    # Always the same path, because vLLM looks up compiled code by it.
    cache = Path(tempfile.gettempdir()) / "rhapsode-bench"
    cache.mkdir(exist_ok=True)
    weights = cache / "none.safetensors"
    if not weights.exists():
        weights.touch()
    folder = write_vllm_folder(
        weights, config.t3, StorageConfig(), bank_rows=_BANK_ROWS, cache=cache
    )
    conditioner = Conditioner(config.t3).eval().requires_grad_(False)
    overrides = {"load_format": "dummy", **overrides}

    def start() -> VllmDecoder:
        engine = start_vllm(folder, layout, options, sharing.open_t3_stream, **overrides)
        encode = conditioner.encode
        return open_decoder(engine, layout, encode, options, _BANK_ROWS, sampling=exact_sampling)

    reserved = options.t3_slots // RESERVED_SHARE  # as in a worker: see worker.engine.open
    return SlotStage(start, backlog=sharing.backlog, reserved=reserved)
