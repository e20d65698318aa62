import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from narration.errors import CheckpointError
from worker.chatterbox.config import StorageConfig, T3Config
from worker.chatterbox.t3.vllm_folder import write_vllm_folder
from worker.chatterbox.weights import write_tensors

CONFIG = T3Config(width=64, heads=2, kv_heads=2, layers=2)


def test_weights_are_linked_and_not_copied(tmp_path: Path) -> None:
    weights = tmp_path / "t3.safetensors"
    write_tensors({"a": torch.ones(2, 2)}, weights)
    folder = write_vllm_folder(weights, CONFIG, StorageConfig(), bank_rows=4, cache=tmp_path)
    assert (folder / "model.safetensors").readlink() == weights.resolve()
    content = json.loads((folder / "config.json").read_text())
    assert content["num_attention_heads"] == content["num_key_value_heads"] == 4
    assert content["t3"]["layers"] == 2


def test_int8_weights_are_expanded(tmp_path: Path) -> None:
    storage = StorageConfig(dtype="int8")
    weights = tmp_path / "t3.safetensors"
    matrix = torch.randn(8, 8)
    write_tensors({"a": matrix}, weights, storage)
    folder = write_vllm_folder(weights, CONFIG, storage, bank_rows=4, cache=tmp_path)
    found = load_file(folder / "model.safetensors")
    assert found.keys() == {"a"}
    torch.testing.assert_close(found["a"], matrix, atol=0.03, rtol=0)


def test_same_checkpoint_is_written_once_and_another_beside_it(tmp_path: Path) -> None:
    weights = tmp_path / "t3.safetensors"
    write_tensors({"a": torch.ones(2, 2)}, weights)
    folders = [
        write_vllm_folder(weights, CONFIG, StorageConfig(), bank_rows=rows, cache=tmp_path)
        for rows in (4, 4, 8)
    ]
    assert folders[0] == folders[1] != folders[2]


def test_heads_that_vllm_cannot_compute_are_refused(tmp_path: Path) -> None:
    narrow = replace(CONFIG, heads=4, kv_heads=4)
    with pytest.raises(CheckpointError, match="heads of 16"):
        write_vllm_folder(
            tmp_path / "t3.safetensors", narrow, StorageConfig(), bank_rows=4, cache=tmp_path
        )
