"""Writes trained networks to the bundle's files, and reads them back for further training.

Knows which file holds which network, and nothing about voices or training.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from torch import Tensor

from training.sizes import DEMO
from training.text_tokenizer import write_tokenizer
from worker.chatterbox.checkpoint import (
    CONFIG_FILE,
    S3GEN_FILE,
    T3_FILE,
    TOKENIZER_FILE,
    VOICE_ENCODER_FILE,
)
from worker.chatterbox.config import ChatterboxConfig
from worker.chatterbox.weights import read_tensors, select, write_tensors

Networks: TypeAlias = dict[str, dict[str, Tensor]]

# Of T3, only in the bundle: the default temperature, 0.8, has the effect of 0.46. Chosen by word
# error (training/README.md). A run that starts from it would first have to unlearn it.
LOGIT_SCALE = 1.3 * 0.8 / 0.6
FILE_BYTES = 15_900_000  # the limit for a file in the repository: 16 MB
_S3GEN = {"flow": "flow.", "vocoder": "mel2wav.", "tokenizer": "tokenizer."}
_X_VECTOR = ("x_vector.", "speaker_encoder.")  # the name in training, and in the official file
_VOICE_ENCODER = ("voice_encoder.", "")
_LOGITS = "speech_head.weight"


def write_weights(networks: Networks, folder: Path) -> None:
    """Write config, tokenizer and the three weight files."""
    folder.mkdir(parents=True, exist_ok=True)
    s3gen = {
        prefix + name: tensor
        for network, prefix in _S3GEN.items()
        for name, tensor in networks[network].items()
    }
    speakers = networks["speakers"]
    s3gen |= _rename(speakers, *_X_VECTOR)
    voice_encoder = _rename(speakers, *_VOICE_ENCODER)
    for name, tensors in (
        (T3_FILE, _scale_logits(networks["t3"], LOGIT_SCALE)),
        (S3GEN_FILE, s3gen),
        (VOICE_ENCODER_FILE, voice_encoder),
    ):
        write_tensors(tensors, folder / name, DEMO.storage, most_bytes=FILE_BYTES)
    write_tokenizer(folder / TOKENIZER_FILE)
    text = json.dumps(_differences(DEMO, ChatterboxConfig()), indent=2)
    (folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")


def read_weights(folder: Path) -> Networks:
    """Read the networks of a bundle, as rounded for storage; parts for training only are missing.

    Raises: CheckpointError if a file is missing or damaged.
    """
    s3gen = read_tensors(folder / S3GEN_FILE, DEMO.storage)
    voice_encoder = read_tensors(folder / VOICE_ENCODER_FILE, DEMO.storage)
    networks = {network: select(s3gen, prefix) for network, prefix in _S3GEN.items()}
    networks["speakers"] = _rename(s3gen, *reversed(_X_VECTOR))
    networks["speakers"] |= _rename(voice_encoder, *reversed(_VOICE_ENCODER))
    t3 = read_tensors(folder / T3_FILE, DEMO.storage)
    networks["t3"] = _scale_logits(t3, 1 / LOGIT_SCALE)
    return networks


def _scale_logits(t3: dict[str, Tensor], scale: float) -> dict[str, Tensor]:
    return t3 | {_LOGITS: t3[_LOGITS] * scale}


def _rename(tensors: Mapping[str, Tensor], old: str, new: str) -> dict[str, Tensor]:
    """Return the tensors whose names have one prefix, renamed to another."""
    return {new + name: tensor for name, tensor in select(tensors, old).items()}


def _differences(own: Any, usual: Any) -> dict[str, Any]:
    """Return the values that differ from the official sizes, by section."""
    found = {}
    for field in dataclasses.fields(own):
        value, default = getattr(own, field.name), getattr(usual, field.name)
        if dataclasses.is_dataclass(value):
            value, default = _differences(value, default), {}
        if value != default:
            found[field.name] = value
    return found
