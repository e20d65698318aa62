"""A whole Chatterbox of a few thousand weights, drawn at random."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import torch
from safetensors.torch import save_file
from torch import nn

from worker.chatterbox.checkpoint import T3_FILE, Chatterbox
from worker.chatterbox.config import (
    ACOUSTIC_TOKENS,
    ChatterboxConfig,
    FlowConfig,
    HiftConfig,
    T3Config,
    XVectorConfig,
)
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.s3gen.flow import Flow
from worker.chatterbox.t3.model import T3
from worker.chatterbox.voice import Voice, make_voice

CONFIG = ChatterboxConfig(
    t3=T3Config(
        text_vocab=300,
        width=64,
        layers=2,
        heads=2,
        kv_heads=2,
        ffn_width=64,
        text_positions=64,
        speech_positions=64,
        prompt_tokens=8,
        speaker_width=8,
        perceiver_queries=4,
        perceiver_heads=2,
        max_new_tokens=16,
    ),
    flow=FlowConfig(
        encoder_width=16,
        encoder_heads=2,
        encoder_ffn_width=32,
        encoder_layers=1,
        upsampled_layers=1,
        x_vector_width=12,
        estimator_width=16,
        estimator_heads=2,
        estimator_head_width=8,
        time_width=32,
        mid_blocks=1,
        transformers_per_block=1,
        steps=2,
    ),
    hift=HiftConfig(base_channels=16, f0_channels=16),
    x_vector=XVectorConfig(width=12),
)


class ByteTokenizer:
    """Makes one token per byte, never START or STOP."""

    def encode(self, text: str) -> list[int]:
        return [1 + byte % 250 for byte in text.encode()]


def toy_chatterbox(folder: Path | None = None) -> Chatterbox:
    """Build it; with a folder, T3's weights are written there too."""
    torch.manual_seed(0)
    t3 = T3(CONFIG.t3)
    for name, parameter in t3.named_parameters():
        if "norm" not in name:
            nn.init.normal_(parameter, std=1.5 / parameter.shape[-1] ** 0.5)
    nn.init.normal_(t3.speech_head.weight, std=0.7)
    if folder is not None:
        save_file(t3.state_dict(), folder / T3_FILE)
    parts = SimpleNamespace(
        folder=folder,
        config=CONFIG,
        tokenizer=ByteTokenizer(),
        t3=t3.eval().requires_grad_(False),
        flow=Flow(CONFIG.flow).eval().requires_grad_(False),
        vocoder=Vocoder(CONFIG.hift).eval().requires_grad_(False),
    )
    return cast("Chatterbox", parts)


def toy_voice(seed: int = 0) -> Voice:
    draw = torch.Generator().manual_seed(seed)
    tokens = torch.randint(ACOUSTIC_TOKENS, (9,), generator=draw)
    return make_voice(
        speaker=torch.randn(8, generator=draw),
        prompt_tokens=tokens[:6],
        reference_tokens=tokens[: 5 + seed % 4],
        reference_mel=torch.randn(2 * (5 + seed % 4), 80, generator=draw),
        x_vector=torch.randn(12, generator=draw),
    )
