import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from narration.errors import CheckpointError, NotFoundError
from training.tiny_checkpoint import CONFIG, write_checkpoint
from worker.chatterbox import checkpoint, hub
from worker.chatterbox.checkpoint import Chatterbox, load_chatterbox
from worker.chatterbox.revision import digest_files
from worker.chatterbox.voice import load_voice
from worker.chatterbox.weights import read_tensors, write_tensors

PARTS = ("t3", "flow", "vocoder", "speech_tokenizer", "x_vector", "voice_encoder", "tokenizer")
NEEDED = ("t3_cfg.safetensors", "s3gen.safetensors", "ve.safetensors", "tokenizer.json")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_checkpoint(folder)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return tmp_path


def read_every_part(chatterbox: Chatterbox) -> None:
    for part in PARTS:
        getattr(chatterbox, part)


def test_every_part_is_read_and_ready_for_inference(written: Path) -> None:
    chatterbox = load_chatterbox(written)
    read_every_part(chatterbox)
    for part in PARTS[:-1]:
        network = getattr(chatterbox, part)
        assert not network.training
        assert not any(parameter.requires_grad for parameter in network.parameters())
    assert chatterbox.config.name == "tiny"


def test_torchs_compiler_is_not_imported_to_load_it(written: Path) -> None:
    """It takes longer than loading, and nothing is compiled on a CPU."""
    script = (
        "import sys, pathlib, worker.model; "
        "from worker.chatterbox.checkpoint import load_chatterbox; "
        f"loaded = load_chatterbox(pathlib.Path({str(written)!r})); "
        f"[getattr(loaded, part) for part in {PARTS}]; "
        "sys.exit(sorted(sys.modules.keys() & {'torch._dynamo', 'sympy'}) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_no_weights_are_drawn_to_be_read_over(written: Path) -> None:
    before = torch.random.get_rng_state()
    for part in ("t3", "flow", "vocoder", "x_vector", "voice_encoder"):
        getattr(load_chatterbox(written), part)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_part_is_read_once(written: Path) -> None:
    chatterbox = load_chatterbox(written)
    assert chatterbox.t3 is chatterbox.t3


def test_loaded_t3_has_the_tensors_of_the_file(written: Path) -> None:
    stored = read_tensors(written / "t3_cfg.safetensors", CONFIG.storage)
    loaded = load_chatterbox(written).t3.state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in stored.items())


def test_voices_are_the_default_and_those_of_the_folder(written: Path) -> None:
    chatterbox = load_chatterbox(written)
    assert list(chatterbox.voices) == ["default", "high", "low"]
    assert chatterbox.voice("low").digest == load_voice(written / "voices/low.pt").digest
    assert chatterbox.voice("default").digest == load_voice(written / "conds.pt").digest


def test_unknown_voice_is_named_with_those_there_are(written: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no voice 'alto' .* default, high, low"):
        load_chatterbox(written).voice("alto")


def test_a_checkpoint_without_voices_loads(folder: Path) -> None:
    shutil.rmtree(folder / "voices")
    (folder / "conds.pt").unlink()
    assert len(load_chatterbox(folder).voices) == 0


def test_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere is not a folder"):
        load_chatterbox(tmp_path / "nowhere")


@pytest.mark.parametrize("name", NEEDED)
def test_missing_file_is_named_before_anything_is_read(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"lacks {name}"):
        load_chatterbox(folder)


@pytest.mark.parametrize("name", NEEDED)
def test_truncated_file_is_named(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=name):
        read_every_part(load_chatterbox(folder))


@pytest.mark.parametrize("name", ["t3_cfg", "s3gen", "ve"])
def test_wrong_tensor_shape_is_named(folder: Path, name: str) -> None:
    path = folder / f"{name}.safetensors"
    tensors = read_tensors(path, CONFIG.storage)
    first = next(n for n, tensor in tensors.items() if tensor.dim() > 1 and tensor.shape[1] > 1)
    tensors[first] = tensors[first][:, :1]
    write_tensors(tensors, path, CONFIG.storage)
    with pytest.raises(CheckpointError, match=rf"{name}\.safetensors .* has shape .* expected"):
        read_every_part(load_chatterbox(folder))


def test_config_of_another_model_is_found_out(folder: Path) -> None:
    (folder / "config.json").unlink()  # which then means the official sizes
    with pytest.raises(CheckpointError, match=r"t3_cfg\.safetensors does not fit T3"):
        _ = load_chatterbox(folder).t3


def test_tokenizer_of_another_model_is_found_out(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["t3"]["text_vocab"] = 600
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="704 tokens, the model knows 600"):
        _ = load_chatterbox(folder).tokenizer


def test_revision_names_the_weights_and_not_the_place(folder: Path, written: Path) -> None:
    before = load_chatterbox(folder).revision
    assert before == load_chatterbox(written).revision
    (folder / "conds.pt").unlink()
    assert load_chatterbox(folder).revision == before
    (folder / "ve.safetensors").write_bytes(b"others")
    assert load_chatterbox(folder).revision != before


def test_digest_of_a_file_is_remembered_until_it_changes(tmp_path: Path) -> None:
    file, memo = tmp_path / "a.bin", tmp_path / ".digests.json"
    file.write_bytes(b"one")
    first = digest_files(tmp_path, ["a.bin", "not there"])
    [(name, entry)] = json.loads(memo.read_text()).items()
    memo.write_text(json.dumps({name: f"{entry}0"}))
    assert digest_files(tmp_path, ["a.bin"]) != first  # so it was not read again
    file.write_bytes(b"three")
    assert digest_files(tmp_path, ["a.bin"]) != first
    file.write_bytes(b"one")
    assert digest_files(tmp_path, ["a.bin"]) == first


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a.bin": 3}'])
def test_a_damaged_memo_is_made_again(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.bin").write_bytes(b"one")
    first = digest_files(tmp_path, ["a.bin"])
    (tmp_path / ".digests.json").write_text(content)
    assert digest_files(tmp_path, ["a.bin"]) == first


def test_whoever_fetches_a_model_wants_the_files_that_are_read() -> None:
    assert set(hub.NEEDED) == set(checkpoint._NEEDED)
