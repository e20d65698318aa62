from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from narration.errors import CheckpointError
from worker.chatterbox.config import StorageConfig
from worker.chatterbox.weights import (
    fold_weight_norm,
    load_strict,
    read_tensors,
    select,
    write_tensors,
)

TENSORS = {"a.weight": torch.randn(3, 4), "a.bias": torch.randn(3), "steps": torch.tensor(7)}


def test_safetensors_and_pt_give_the_same_tensors(tmp_path: Path) -> None:
    write_tensors(TENSORS, tmp_path / "x.safetensors")
    torch.save(TENSORS, tmp_path / "x.pt")
    for name in ("x.safetensors", "x.pt"):
        read = read_tensors(tmp_path / name)
        assert read.keys() == TENSORS.keys()
        assert all(torch.equal(read[key], TENSORS[key]) for key in TENSORS)


def test_tensors_wrapped_in_a_model_entry_are_found(tmp_path: Path) -> None:
    torch.save({"model": [TENSORS]}, tmp_path / "t3.pt")
    assert torch.equal(read_tensors(tmp_path / "t3.pt")["a.bias"], TENSORS["a.bias"])


@pytest.mark.parametrize("error", [RuntimeError, ValueError])
def test_a_read_that_is_interrupted_is_not_called_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error("could not determine the shape of object type 'torch.storage.UntypedStorage'")

    write_tensors(TENSORS, tmp_path / "x.safetensors")
    monkeypatch.setattr(torch, "asarray", fail)
    with pytest.raises(error, match="could not determine"):
        read_tensors(tmp_path / "x.safetensors")


def test_float16_storage_reads_back_as_float32(tmp_path: Path) -> None:
    storage = StorageConfig(dtype="float16")
    write_tensors(TENSORS, tmp_path / "x.safetensors", storage)
    read = read_tensors(tmp_path / "x.safetensors", storage)
    assert read["a.weight"].dtype == torch.float32
    assert torch.equal(read["a.weight"], TENSORS["a.weight"].half().float())
    assert read["steps"].dtype == torch.int64


@pytest.mark.parametrize("shape", [(5, 7), (4, 3, 3), (2, 3, 3, 3)])
def test_int8_rows_err_by_half_a_step_of_their_own_scale(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    storage = StorageConfig(dtype="int8")
    draw = torch.Generator().manual_seed(1)
    matrix = torch.randn(shape, generator=draw) * torch.logspace(-4, 2, shape[0]).view(
        -1, *[1] * (len(shape) - 1)
    )
    write_tensors({"m": matrix, "v": matrix.flatten()}, tmp_path / "x.safetensors", storage)
    read = read_tensors(tmp_path / "x.safetensors", storage)
    step = matrix.flatten(1).abs().amax(1) / 127
    assert ((read["m"] - matrix).flatten(1).abs() <= 0.501 * step[:, None] + 1e-7).all()
    assert read.keys() == {"m", "v"}
    assert (tmp_path / "x.safetensors").stat().st_size < matrix.numel() * 3.5 + 400


def test_a_row_of_zeros_survives_int8(tmp_path: Path) -> None:
    storage = StorageConfig(dtype="int8")
    write_tensors({"m": torch.zeros(2, 3)}, tmp_path / "x.safetensors", storage)
    assert torch.equal(read_tensors(tmp_path / "x.safetensors", storage)["m"], torch.zeros(2, 3))


def test_int8_without_its_scale_is_refused(tmp_path: Path) -> None:
    save_file({"m": torch.zeros(2, 3, dtype=torch.int8)}, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match=r"m is int8, but m\.scale is missing"):
        read_tensors(tmp_path / "x.safetensors", StorageConfig(dtype="int8"))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"t3_cfg\.safetensors does not exist"):
        read_tensors(tmp_path / "t3_cfg.safetensors")


@pytest.mark.parametrize("name", ["x.safetensors", "x.pt"])
@pytest.mark.parametrize("keep", [0, 1, 20, 200])
def test_truncated_file_is_named(tmp_path: Path, name: str, keep: int) -> None:
    whole = tmp_path / name
    (write_tensors if name.endswith("safetensors") else torch.save)(TENSORS, whole)
    whole.write_bytes(whole.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=f"{name} is damaged"):
        read_tensors(whole)


@pytest.mark.parametrize("name", ["x.safetensors", "x.pt"])
def test_file_of_something_else_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("<html>rate limited</html>" * 20)
    with pytest.raises(CheckpointError, match=f"{name} is damaged"):
        read_tensors(tmp_path / name)


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    torch.save({"a": Path("/")}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match=r"x\.pt is damaged"):
        read_tensors(tmp_path / "x.pt")


def test_nested_content_is_refused(tmp_path: Path) -> None:
    torch.save({"a": {"b": torch.zeros(1)}}, tmp_path / "x.pt")
    with pytest.raises(CheckpointError, match="not a set of named tensors"):
        read_tensors(tmp_path / "x.pt")


def test_strict_load_copies_every_tensor() -> None:
    source, target = nn.Linear(4, 3), nn.Linear(4, 3)
    load_strict(target, source.state_dict(), "x")
    assert torch.equal(target.weight, source.weight)
    assert torch.equal(target.bias, source.bias)


@pytest.mark.parametrize(
    ("tensors", "fault"),
    [
        ({"weight": torch.zeros(3, 4)}, "bias is missing"),
        (
            {"weight": torch.zeros(4, 3), "bias": torch.zeros(3)},
            r"weight has shape \(4, 3\), expected \(3, 4\)",
        ),
        (
            {"weight": torch.zeros(3, 4), "bias": torch.zeros(3), "gain": torch.zeros(1)},
            "gain is not part of this network",
        ),
    ],
)
def test_strict_load_names_file_tensor_and_shapes(
    tensors: dict[str, torch.Tensor], fault: str
) -> None:
    with pytest.raises(CheckpointError, match=f"t3.safetensors does not fit Linear: .*{fault}"):
        load_strict(nn.Linear(4, 3), tensors, "t3.safetensors")


def test_a_tensor_that_may_miss_keeps_its_value() -> None:
    network = nn.Linear(4, 3)
    bias = network.bias.clone()
    load_strict(network, {"weight": torch.zeros(3, 4)}, "x", may_miss=frozenset({"bias"}))
    assert torch.equal(network.bias, bias)
    assert not network.weight.any()


def test_a_file_of_another_network_lists_a_few_faults_and_a_count() -> None:
    tensors = {f"other.{i}": torch.zeros(1) for i in range(100)}
    with pytest.raises(CheckpointError, match="and 98 more"):
        load_strict(nn.Linear(4, 3), tensors, "x")


@pytest.mark.parametrize("layer", [nn.Conv1d(4, 6, 3), nn.ConvTranspose1d(4, 6, 3)])
def test_folded_weight_norm_equals_the_parametrised_layer(layer: nn.Module) -> None:
    network = nn.Sequential(weight_norm(layer))
    gain = network.get_parameter("0.parametrizations.weight.original0")
    with torch.no_grad():
        gain.uniform_(0.5, 2)
    folded = fold_weight_norm(network.state_dict())
    assert folded.keys() == {"0.weight", "0.bias"}
    assert torch.allclose(folded["0.weight"], network[0].weight, rtol=1e-6, atol=1e-7)


def test_a_direction_without_its_gain_is_refused() -> None:
    with pytest.raises(CheckpointError, match="original0 is missing"):
        fold_weight_norm({"x.parametrizations.weight.original1": torch.zeros(2, 3)})


def test_select_cuts_the_prefix() -> None:
    assert select({"a.b.c": torch.zeros(1), "ab.c": torch.ones(1)}, "a.").keys() == {"b.c"}
