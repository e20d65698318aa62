"""Write a complete tiny checkpoint in the official format.

`python -m training.tiny_checkpoint OUT [--seed N] [--official]`

Its speech is noise, but everything else is realistic: T3 stops where the text would end, the
waveform is neither silent nor clipped, and every network is used. Tests and benchmarks use it where
a real model would only cost time. `--official` writes it in the official shapes (1.6 GB), to test a
machine with a model as large as the real one.
"""

import argparse
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from training.tiny_t3 import CONFIG as T3_CONFIG
from training.tiny_t3 import make_t3
from worker.chatterbox.checkpoint import (
    CONFIG_FILE,
    DEFAULT_VOICE_FILE,
    S3GEN_FILE,
    T3_FILE,
    TOKENIZER_FILE,
    VOICE_ENCODER_FILE,
    VOICE_FOLDER,
)
from worker.chatterbox.config import (
    ACOUSTIC_TOKENS,
    MEL_BINS,
    ChatterboxConfig,
    FlowConfig,
    HiftConfig,
    SpeechTokenizerConfig,
    StorageConfig,
    VoiceEncoderConfig,
    XVectorConfig,
)
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.s3gen.flow import Flow
from worker.chatterbox.speech_tokenizer import SpeechTokenizer
from worker.chatterbox.voice import Voice, make_voice, save_voice
from worker.chatterbox.voice_encoder import VoiceEncoder
from worker.chatterbox.weights import split_weight_norm, write_tensors
from worker.chatterbox.xvector import XVector

CONFIG = ChatterboxConfig(
    name="tiny",
    t3=T3_CONFIG,
    speech_tokenizer=SpeechTokenizerConfig(width=64, layers=1, heads=2),
    x_vector=XVectorConfig(
        stem_channels=4, growth=8, bottleneck=16, tdnn_channels=16, block_layers=(2, 2, 2)
    ),
    voice_encoder=VoiceEncoderConfig(hidden=32),
    flow=FlowConfig(
        encoder_width=64,
        encoder_heads=2,
        encoder_ffn_width=128,
        encoder_layers=1,
        upsampled_layers=1,
        estimator_width=32,
        estimator_heads=2,
        estimator_head_width=16,
        time_width=64,
        mid_blocks=1,
        transformers_per_block=1,
        steps=4,
    ),
    hift=HiftConfig(base_channels=16, f0_channels=16),
    storage=StorageConfig(dtype="float16"),
)
OFFICIAL = ChatterboxConfig(name="official shapes", storage=StorageConfig(dtype="float16"))

_TOKENIZER = Path(__file__).parent.parent / "tests/data/tokenizer.json"
_VOICES = ("low", "high")
_REFERENCE_TOKENS = 50  # two seconds, since each utterance processes them again
_QUIET_MEL = -5.0  # log-mel of speech at an ordinary level
_LOUDNESS = 1.4  # log-magnitude of the lowest bin of the waveform; it falls towards higher bins
_PITCH_HZ = 140.0


def write_checkpoint(folder: Path, seed: int = 0, config: ChatterboxConfig = CONFIG) -> None:
    """Write all files; the same seed gives the same bytes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / VOICE_FOLDER).mkdir(exist_ok=True)
        (folder / CONFIG_FILE).write_text(json.dumps(asdict(config), indent=2), encoding="utf-8")
        shutil.copyfile(_TOKENIZER, folder / TOKENIZER_FILE)
        _write(make_t3(config.t3).state_dict(), folder / T3_FILE, config)
        _write(_make_s3gen(config), folder / S3GEN_FILE, config)
        encoder = VoiceEncoder(config.voice_encoder)
        _write(encoder.state_dict(), folder / VOICE_ENCODER_FILE, config)
        save_voice(_make_voice(config), folder / DEFAULT_VOICE_FILE)
        for name in _VOICES:
            save_voice(_make_voice(config), folder / VOICE_FOLDER / f"{name}.pt")


def _write(tensors: dict[str, Tensor], path: Path, config: ChatterboxConfig) -> None:
    write_tensors(tensors, path, config.storage)


def _make_s3gen(config: ChatterboxConfig) -> dict[str, Tensor]:
    vocoder = split_weight_norm(
        _make_vocoder(config).state_dict(),
        ("source_downs.", "m_source.", "f0_predictor.classifier."),
    )
    parts = {
        "flow.": _make_flow(config).state_dict(),
        "mel2wav.": vocoder,
        "tokenizer.": SpeechTokenizer(config.speech_tokenizer).state_dict(),
        "speaker_encoder.": XVector(config.x_vector).state_dict(),
    }
    return {prefix + name: t for prefix, part in parts.items() for name, t in part.items()}


@torch.no_grad()
def _make_flow(config: ChatterboxConfig) -> Flow:
    """Scale the random features to the size of the initial noise, so that tokens have an effect."""
    flow = Flow(config.flow)
    _scale(flow.encoder_proj, 3.0)
    return flow


@torch.no_grad()
def _make_vocoder(config: ChatterboxConfig) -> Vocoder:
    """Set the vocoder to the level of speech, and its pitch near that of a voice."""
    vocoder = Vocoder(config.hift)
    magnitudes = config.hift.n_fft // 2 + 1
    bias = vocoder.conv_post.bias
    assert bias is not None
    bias[:magnitudes] = _LOUDNESS - 0.4 * torch.arange(magnitudes)
    vocoder.f0_predictor.classifier.bias.fill_(_PITCH_HZ)
    _scale(vocoder.f0_predictor.classifier, 100.0)
    return vocoder


def _scale(layer: nn.Module, factor: float) -> None:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    weight *= factor


def _make_voice(config: ChatterboxConfig) -> Voice:
    return make_voice(
        speaker=nn.functional.normalize(torch.randn(config.t3.speaker_width), dim=0),
        prompt_tokens=torch.randint(ACOUSTIC_TOKENS, (config.t3.prompt_tokens,)),
        reference_tokens=torch.randint(ACOUSTIC_TOKENS, (_REFERENCE_TOKENS,)),
        reference_mel=_QUIET_MEL + torch.randn(2 * _REFERENCE_TOKENS, MEL_BINS),
        x_vector=torch.randn(config.flow.x_vector_width),
    )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Write a tiny checkpoint in the official format.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--official", action="store_true", help="in the official shapes")
    arguments = parser.parse_args()
    config = OFFICIAL if arguments.official else CONFIG
    write_checkpoint(arguments.out, arguments.seed, config)


if __name__ == "__main__":
    main()
