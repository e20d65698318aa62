"""The voice file: read back as written, and refused by name when it is not one."""

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch

from narration.errors import CheckpointError
from worker.chatterbox.voice import Voice, load_voice, make_voice, save_voice


def a_voice(seed: int = 0) -> Voice:
    draw = torch.Generator().manual_seed(seed)
    return make_voice(
        speaker=torch.randn(256, generator=draw),
        prompt_tokens=torch.randint(6561, (150,), generator=draw),
        reference_tokens=torch.randint(6561, (130,), generator=draw),
        reference_mel=torch.randn(261, 80, generator=draw),
        x_vector=torch.randn(192, generator=draw),
    )


def written(voice: Voice, path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    save_voice(voice, path)
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)
    return path


def test_voice_is_read_back_as_written(tmp_path: Path) -> None:
    voice = a_voice()
    save_voice(voice, tmp_path / "anna.pt")
    again = load_voice(tmp_path / "anna.pt")
    assert again.digest == voice.digest
    for part in fields(Voice):
        if part.name != "digest":
            assert torch.equal(getattr(again, part.name), getattr(voice, part.name))


def test_file_has_the_official_layout(tmp_path: Path) -> None:
    save_voice(a_voice(), tmp_path / "anna.pt")
    content = torch.load(tmp_path / "anna.pt", weights_only=True)
    shapes = {
        f"{part}.{name}": None if value is None else tuple(value.shape)
        for part, section in content.items()
        for name, value in section.items()
    }
    assert shapes == {
        "t3.speaker_emb": (1, 256),
        "t3.clap_emb": None,
        "t3.cond_prompt_speech_tokens": (1, 150),
        "t3.cond_prompt_speech_emb": None,
        "t3.emotion_adv": (1, 1, 1),
        "gen.prompt_token": (1, 130),
        "gen.prompt_token_len": (1,),
        "gen.prompt_feat": (1, 261, 80),
        "gen.prompt_feat_len": None,
        "gen.embedding": (1, 192),
    }


def test_another_voice_has_another_digest() -> None:
    assert a_voice(0).digest == a_voice(0).digest
    assert a_voice(0).digest != a_voice(1).digest


def test_missing_lengths_and_half_precision_are_welcome(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["gen"]["prompt_token_len"] = None
        content["gen"]["embedding"] = content["gen"]["embedding"].half()
        content["t3"]["speaker_emb"] = content["t3"]["speaker_emb"].requires_grad_()

    voice = load_voice(written(a_voice(), tmp_path / "anna.pt", change))
    assert len(voice.reference_tokens) == 130
    assert voice.x_vector.dtype == torch.float32
    assert not voice.speaker.requires_grad


def test_tokens_beyond_their_length_are_dropped(tmp_path: Path) -> None:
    def change(content: dict[str, Any]) -> None:
        content["gen"]["prompt_token_len"] = torch.tensor([100])

    voice = load_voice(written(a_voice(), tmp_path / "anna.pt", change))
    assert torch.equal(voice.reference_tokens, a_voice().reference_tokens[:100])


def drop_tokens(content: dict[str, Any]) -> None:
    content["t3"]["cond_prompt_speech_tokens"] = None


def drop_section(content: dict[str, Any]) -> None:
    del content["gen"]


def double_rows(content: dict[str, Any]) -> None:
    content["gen"]["embedding"] = content["gen"]["embedding"].repeat(2, 1)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (drop_tokens, "no tensor t3.cond_prompt_speech_tokens"),
        (drop_section, "no tensor gen."),
        (double_rows, "gen.embedding has shape (2, 192)"),
    ],
)
def test_incomplete_voice_is_refused_by_name(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], named: str
) -> None:
    path = written(a_voice(), tmp_path / "anna.pt", change)
    with pytest.raises(CheckpointError, match=re.escape(named)) as caught:
        load_voice(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"RIFF not a voice", b"PK\x03\x04" + bytes(100)])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "anna.pt"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"anna\.pt is not a voice file"):
        load_voice(path)


def test_truncated_voice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "anna.pt"
    save_voice(a_voice(), path)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(CheckpointError, match="is not a voice file"):
        load_voice(path)


def test_missing_voice_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"anna\.pt does not exist"):
        load_voice(tmp_path / "anna.pt")


def test_a_voice_file_cannot_run_code(tmp_path: Path) -> None:
    path = tmp_path / "anna.pt"
    torch.save({"t3": test_a_voice_file_cannot_run_code}, path)
    with pytest.raises(CheckpointError, match="is not a voice file"):
        load_voice(path)
