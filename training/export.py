"""Write the bundle: trained weights in the official files, and the built-in voices.

A voice is prepared from a recording as the product prepares any voice, but from a short one: the
flow speaks its prompt again with each chunk, so three seconds cost less than ten.
"""

import argparse
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

from torch import Tensor

from narration.recording import read_recording
from training.parts import join
from training.sizes import DEMO
from training.text_tokenizer import write_tokenizer
from worker.chatterbox.checkpoint import (
    CONFIG_FILE,
    DEFAULT_VOICE_FILE,
    S3GEN_FILE,
    T3_FILE,
    TOKENIZER_FILE,
    VOICE_ENCODER_FILE,
    VOICE_FOLDER,
    load_chatterbox,
)
from worker.chatterbox.config import ChatterboxConfig
from worker.chatterbox.reference import prepare_voice
from worker.chatterbox.voice import save_voice
from worker.chatterbox.weights import write_tensors

REFERENCE_S = 3.6
# The default temperature, 0.8, suits the official weights. The tail of a small model's distribution
# is mostly wrong: its logits are scaled so that 0.8 draws as 0.5 would (training/README.md).
SHARPNESS = 1.6
S3GEN_PREFIXES = {"flow": "flow.", "vocoder": "mel2wav.", "tokenizer": "tokenizer."}


def write_weights(parts: Path, folder: Path) -> None:
    """Write config, tokenizer and the three weight files."""
    networks = join(parts)
    folder.mkdir(parents=True, exist_ok=True)
    s3gen = {
        prefix + name: tensor
        for stage, prefix in S3GEN_PREFIXES.items()
        for name, tensor in networks[stage].items()
    }
    speakers = networks["speakers"]
    s3gen |= _under(speakers, "x_vector.", "speaker_encoder.")
    t3 = networks["t3"]
    t3["speech_head.weight"] = SHARPNESS * t3["speech_head.weight"]
    write_tensors(t3, folder / T3_FILE, DEMO.storage)
    write_tensors(s3gen, folder / S3GEN_FILE, DEMO.storage)
    write_tensors(_under(speakers, "voice_encoder.", ""), folder / VOICE_ENCODER_FILE, DEMO.storage)
    write_tokenizer(folder / TOKENIZER_FILE)
    text = json.dumps(_differences(DEMO, ChatterboxConfig()), indent=2)
    (folder / CONFIG_FILE).write_text(text + "\n", encoding="utf-8")


def write_voices(recordings: dict[str, Path], folder: Path) -> None:
    """Prepare each recording under its name; the first is the default voice."""
    (folder / VOICE_FOLDER).mkdir(exist_ok=True)
    networks = load_chatterbox(folder)
    for name, path in recordings.items():
        whole = read_recording(path)
        samples = whole.samples[: int(REFERENCE_S * whole.rate_hz)]
        start = dataclasses.replace(whole, samples=samples)
        save_voice(prepare_voice(start, networks), folder / VOICE_FOLDER / f"{name}.pt")
    default = next(iter(recordings))
    shutil.copy(folder / VOICE_FOLDER / f"{default}.pt", folder / DEFAULT_VOICE_FILE)


def _under(tensors: dict[str, Tensor], old: str, new: str) -> dict[str, Tensor]:
    return {
        new + name.removeprefix(old): tensor
        for name, tensor in tensors.items()
        if name.startswith(old)
    }


def _differences(own: Any, usual: Any) -> dict[str, Any]:
    """Say what differs from the official sizes, section by section."""
    found = {}
    for field in dataclasses.fields(own):
        value, default = getattr(own, field.name), getattr(usual, field.name)
        if dataclasses.is_dataclass(value):
            value, default = _differences(value, default), {}
        if value != default:
            found[field.name] = value
    return found


def main() -> None:
    """Write the bundle from carried parts and one recording per voice (NAME=PATH)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("voices", nargs="+", help="NAME=PATH")
    arguments = parser.parse_args()
    write_weights(arguments.parts, arguments.folder)
    named = (voice.partition("=") for voice in arguments.voices)
    write_voices({name: Path(path) for name, _, path in named}, arguments.folder)


if __name__ == "__main__":
    main()
