"""Our networks at official sizes against the names and shapes of the official files.

The lists were made by instantiating upstream's modules (chatterbox-tts 0.1.7).
"""

from pathlib import Path

import pytest
import torch
from torch import nn

from worker.chatterbox.config import ChatterboxConfig
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.s3gen.flow import Flow
from worker.chatterbox.speech_tokenizer import SpeechTokenizer
from worker.chatterbox.t3.model import T3
from worker.chatterbox.voice_encoder import VoiceEncoder
from worker.chatterbox.weights import fold_weight_norm
from worker.chatterbox.xvector import XVector

OFFICIAL = Path(__file__).parents[3] / "data" / "official"
CONFIG = ChatterboxConfig()


def read_list(name: str) -> dict[str, torch.Size]:
    lines = (OFFICIAL / f"{name}.tsv").read_text().splitlines()
    pairs = (line.split("\t") for line in lines)
    return {
        name: torch.Size(int(n) for n in shape.strip("()").split(",") if n.strip())
        for name, shape in pairs
    }


@pytest.mark.parametrize(
    ("network", "config", "listing", "prefix"),
    [
        (T3, CONFIG.t3, "t3_en", ""),
        (VoiceEncoder, CONFIG.voice_encoder, "ve", ""),
        (Flow, CONFIG.flow, "s3gen_std", "flow."),
        (Vocoder, CONFIG.hift, "s3gen_std", "mel2wav."),
        (SpeechTokenizer, CONFIG.speech_tokenizer, "s3gen_std", "tokenizer."),
        (XVector, CONFIG.x_vector, "s3gen_std", "speaker_encoder."),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_network_has_the_official_tensors(
    network: type[nn.Module], config: object, listing: str, prefix: str
) -> None:
    with torch.device("meta"):
        ours = {name: t.shape for name, t in network(config).state_dict().items()}
    official = {
        name.removeprefix(prefix): torch.empty(shape)
        for name, shape in read_list(listing).items()
        if name.startswith(prefix)
    }
    theirs = {name: t.shape for name, t in fold_weight_norm(official).items()}
    assert ours == theirs


def test_every_official_tensor_belongs_to_a_network() -> None:
    prefixes = ("flow.", "mel2wav.", "tokenizer.", "speaker_encoder.")
    assert not [name for name in read_list("s3gen_std") if not name.startswith(prefixes)]
