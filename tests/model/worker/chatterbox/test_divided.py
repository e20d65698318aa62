"""A weight file may be split into parts that are small enough for a repository."""

from pathlib import Path

import pytest
import torch

from narration.errors import CheckpointError
from worker.chatterbox.config import StorageConfig
from worker.chatterbox.parts import parts_of
from worker.chatterbox.weights import read_tensors, write_tensors

INT8 = StorageConfig(dtype="int8")
TENSORS = {f"layer.{index}": torch.randn(8, 16) for index in range(5)}


def test_a_divided_file_gives_the_same_tensors(tmp_path: Path) -> None:
    write_tensors(TENSORS, tmp_path / "whole.safetensors", INT8)
    write_tensors(TENSORS, tmp_path / "net.safetensors", INT8, most_bytes=300)
    names = [part.name for part in parts_of(tmp_path / "net.safetensors")]
    assert names[0] == f"net-00001-of-{len(names):05d}.safetensors"
    assert len(names) > 1
    whole = read_tensors(tmp_path / "whole.safetensors", INT8)
    divided = read_tensors(tmp_path / "net.safetensors", INT8)
    assert whole.keys() == divided.keys()
    assert all(torch.equal(whole[name], divided[name]) for name in whole)


def test_only_what_is_asked_for_is_read_of_every_part(tmp_path: Path) -> None:
    write_tensors(TENSORS, tmp_path / "net.safetensors", INT8, most_bytes=300)
    assert set(read_tensors(tmp_path / "net.safetensors", INT8, "layer.4")) == {""}


def test_a_missing_part_is_a_missing_file(tmp_path: Path) -> None:
    write_tensors(TENSORS, tmp_path / "net.safetensors", INT8, most_bytes=300)
    parts_of(tmp_path / "net.safetensors")[1].unlink()
    assert parts_of(tmp_path / "net.safetensors") == []
    with pytest.raises(CheckpointError, match=r"net\.safetensors does not exist"):
        read_tensors(tmp_path / "net.safetensors", INT8)


def test_a_file_written_anew_leaves_no_parts_of_the_last_one(tmp_path: Path) -> None:
    write_tensors(TENSORS, tmp_path / "net.safetensors", INT8, most_bytes=300)
    write_tensors(TENSORS, tmp_path / "net.safetensors", INT8)
    assert [path.name for path in tmp_path.iterdir()] == ["net.safetensors"]
