"""The three voice networks, rebuilt from a golden or with random weights of toy size."""

import json
from dataclasses import dataclass
from typing import Any

import torch

from tests.model.worker.chatterbox.goldens import Golden
from worker.chatterbox.config import SpeechTokenizerConfig, VoiceEncoderConfig, XVectorConfig
from worker.chatterbox.speech_tokenizer import SpeechTokenizer
from worker.chatterbox.voice_encoder import VoiceEncoder
from worker.chatterbox.weights import load_strict
from worker.chatterbox.xvector import XVector


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    speech_tokenizer: SpeechTokenizer
    x_vector: XVector
    voice_encoder: VoiceEncoder


def from_golden(golden: Golden) -> Networks:
    tokenizer, x_vector, encoder = json.loads(golden.facts["configs"])
    networks = _build(
        SpeechTokenizerConfig(**tokenizer),
        XVectorConfig(**{**x_vector, "block_layers": tuple(x_vector["block_layers"])}),
        VoiceEncoderConfig(**encoder),
    )
    load_strict(networks.speech_tokenizer, golden.weights("weights.tokenizer."), "tokenizer")
    load_strict(networks.x_vector, golden.weights("weights.speaker_encoder."), "x-vector")
    load_strict(networks.voice_encoder, golden.weights("weights.ve."), "voice encoder")
    return networks


def toy_networks(seed: int = 0) -> Networks:
    """Draw random weights, with norms that map padding to non-zero values."""
    torch.manual_seed(seed)
    networks = _build(
        SpeechTokenizerConfig(mels=16, width=32, layers=2, heads=2, memory_kernel=7),
        XVectorConfig(
            mels=16,
            stem_channels=2,
            growth=4,
            bottleneck=8,
            tdnn_channels=8,
            block_layers=(2, 3, 2),
            width=8,
        ),
        VoiceEncoderConfig(mels=8, hidden=8, layers=2, width=8),
    )
    with torch.no_grad():
        for network in (networks.speech_tokenizer, networks.x_vector):
            for part in network.modules():
                _randomize_norm(part)
        for part in networks.x_vector.modules():
            if isinstance(part, torch.nn.Conv1d | torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(part.weight)  # else the deep network fades to bias
    return networks


def _build(
    tokenizer: SpeechTokenizerConfig, x_vector: XVectorConfig, encoder: VoiceEncoderConfig
) -> Networks:
    return Networks(
        speech_tokenizer=SpeechTokenizer(tokenizer).eval(),
        x_vector=XVector(x_vector).eval(),
        voice_encoder=VoiceEncoder(encoder).eval(),
    )


def _randomize_norm(part: Any) -> None:
    if "Norm" not in type(part).__name__:
        return
    for name in ("bias", "running_mean"):
        if getattr(part, name, None) is not None:
            getattr(part, name).uniform_(0.2, 0.8)
