"""Reads tensors from checkpoint files and loads them into networks by their official names.

Knows files, names and shapes, not what a network computes. A file that is too large for its host
may be split into parts, named as on Hugging Face: `s3gen.safetensors` then becomes
`s3gen-00001-of-00002.safetensors` and `s3gen-00002-of-00002.safetensors`.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from narration.errors import CheckpointError
from worker.chatterbox.config import StorageConfig
from worker.chatterbox.parts import part_path, parts_of

_GAIN = "parametrizations.weight.original0"
_DIRECTION = "parametrizations.weight.original1"
_NAMED_AT_MOST = 4  # an error lists a few tensors; for a wrong file there would be thousands
_INT8_MAX = 127
_SMALLEST_SCALE = 2.0**-24  # below it a float16 scale is zero and the row is lost
_AS_THE_FILE_SAYS = StorageConfig()
_OF_PICKLES: tuple[type[Exception], ...] = (
    OSError, RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError,
)  # fmt: skip
# safetensors tells damage by an error of its own; others are torch's, out of memory or interrupted.
_SIGNS_OF_DAMAGE = {".safetensors": (OSError, SafetensorError)}


def read_tensors(
    path: Path, storage: StorageConfig = _AS_THE_FILE_SAYS, prefix: str = ""
) -> dict[str, Tensor]:
    """Read a `.safetensors` or `.pt` file, or its parts, to the CPU; floats become float32.

    Only tensors under `prefix` are read; it is cut off their names.
    Raises: CheckpointError if the file is missing, damaged, or not a flat set of named tensors.
    """
    flat: dict[str, Tensor] = {}
    for part in parts_of(path) or [path]:
        flat |= _flatten(_open(part, prefix), part)
    return _expand(select(flat, prefix), storage, path)


def _open(path: Path, prefix: str) -> Any:
    try:
        return _read(path, prefix)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path} does not exist: pull the model again or name the folder that holds it"
        ) from error
    except _SIGNS_OF_DAMAGE.get(path.suffix, _OF_PICKLES) as error:
        raise _damaged(path, error) from error


def write_tensors(
    tensors: Mapping[str, Tensor],
    path: Path,
    storage: StorageConfig = _AS_THE_FILE_SAYS,
    most_bytes: int | None = None,
) -> None:
    """Write tensors as `storage` says; `read_tensors` returns them, rounded by the storage type.

    `most_bytes`: per file; larger sets of tensors are divided.
    """
    stored: dict[str, Tensor] = {}
    for name, tensor in sorted(tensors.items()):
        if storage.dtype == "int8" and tensor.is_floating_point() and tensor.dim() > 1:
            stored[name], stored[name + storage.scale_suffix] = _shrink_rows(tensor)
        else:
            stored[name] = tensor.to(_float_type(storage)) if tensor.is_floating_point() else tensor
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in stored.items()}
    for earlier in [*parts_of(path), *path.parent.glob(f"{path.stem}-0*-of-0*{path.suffix}")]:
        earlier.unlink(missing_ok=True)
    parts = _divide(plain, most_bytes)
    for number, part in enumerate(parts, start=1):
        place = path if len(parts) == 1 else part_path(path, number, len(parts))
        # safetensors' own writer makes files that only their owner can read.
        place.write_bytes(save(part))


def _divide(tensors: dict[str, Tensor], most_bytes: int | None) -> list[dict[str, Tensor]]:
    parts: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if most_bytes is not None and parts[-1] and size + tensor.nbytes > most_bytes:
            parts.append({})
            size = 0
        parts[-1][name] = tensor
        size += tensor.nbytes
    return parts


def select(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors under a prefix, which is cut off their names."""
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def load_strict(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    where: str,
    *,
    may_miss: frozenset[str] = frozenset(),
) -> None:
    """Copy tensors into a network of the same names; `where` names the file in errors.

    `may_miss`: names that may be absent (the network then keeps its initial value).
    Raises: CheckpointError naming the tensors that are missing, unknown or of another shape.
    """
    expected = module.state_dict()
    wrong = [
        f"{name} has shape {tuple(tensors[name].shape)}, expected {tuple(own.shape)}"
        for name, own in expected.items()
        if name in tensors and tensors[name].shape != own.shape
    ]
    missing = [f"{n} is missing" for n in expected if n not in tensors and n not in may_miss]
    unknown = [f"{n} is not part of this network" for n in tensors if n not in expected]
    faults = missing + wrong + unknown
    if faults:
        more = len(faults) - _NAMED_AT_MOST
        listed = "; ".join(faults[:_NAMED_AT_MOST]) + (f"; and {more} more" if more > 0 else "")
        raise CheckpointError(f"{where} does not fit {type(module).__name__}: {listed}")
    module.load_state_dict(dict(tensors), strict=not may_miss)


def fold_weight_norm(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Replace each pair of weight-norm gain and direction by the resulting weight.

    Source: Salimans and Kingma 2016, w = g v / |v|, the norm taken over all axes but the first.
    """
    folded = {n: t for n, t in tensors.items() if not n.endswith((_GAIN, _DIRECTION))}
    for name, direction in tensors.items():
        if name.endswith(_DIRECTION):
            base = name.removesuffix(_DIRECTION)
            if base + _GAIN not in tensors:
                raise CheckpointError(f"{base + _GAIN} is missing: its direction is there")
            norm = direction.flatten(1).norm(dim=1).view(-1, *[1] * (direction.dim() - 1))
            folded[base + "weight"] = tensors[base + _GAIN] * direction / norm
    return folded


def split_weight_norm(tensors: Mapping[str, Tensor], plain: tuple[str, ...]) -> dict[str, Tensor]:
    """Undo `fold_weight_norm` for every convolution except those whose names begin with `plain`."""
    split = {}
    for name, tensor in tensors.items():
        if name.endswith(".weight") and tensor.dim() > 2 and not name.startswith(plain):
            base = name.removesuffix("weight")
            norm = tensor.flatten(1).norm(dim=1)
            split[base + _GAIN] = norm.view(-1, *[1] * (tensor.dim() - 1))
            split[base + _DIRECTION] = tensor
        else:
            split[name] = tensor
    return split


def _read(path: Path, prefix: str) -> Any:
    if path.suffix == ".safetensors":
        with safe_open(path, framework="pt") as file:
            return {n: file.get_tensor(n) for n in file.keys() if n.startswith(prefix)}  # noqa: SIM118 - not a dict
    return torch.load(path, map_location="cpu", weights_only=True)


def _damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(f"{path} is damaged or cut short: {error}; pull the model again")


def _flatten(content: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(content, dict) and "model" in content:  # some official files wrap the tensors
        content = content["model"]
        content = content[0] if isinstance(content, list | tuple) else content
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        raise CheckpointError(f"{path} is not a set of named tensors: is it the right file?")
    return content


def _expand(stored: dict[str, Tensor], storage: StorageConfig, path: Path) -> dict[str, Tensor]:
    if storage.dtype != "int8":
        return {name: _expand_one(tensor, None) for name, tensor in stored.items()}
    tensors = {}
    for name, tensor in stored.items():
        if name.endswith(storage.scale_suffix):
            continue
        scale = stored.get(name + storage.scale_suffix)
        if tensor.dtype == torch.int8 and scale is None:
            raise CheckpointError(
                f"{path}: {name} is int8, but {name}{storage.scale_suffix} is missing"
            )
        tensors[name] = _expand_one(tensor, scale)
    return tensors


def _expand_one(tensor: Tensor, scale: Tensor | None) -> Tensor:
    if scale is not None:
        return tensor.float() * scale.float().view(-1, *[1] * (tensor.dim() - 1))
    return tensor.float() if tensor.is_floating_point() else tensor


def _shrink_rows(matrix: Tensor) -> tuple[Tensor, Tensor]:
    largest = matrix.detach().float().flatten(1).abs().amax(dim=1)
    # Rounded up to float16, so that the largest value of a row never overflows its 127 steps.
    step = largest / _INT8_MAX * (1 + 2.0**-11) + _SMALLEST_SCALE / 2
    scale = step.clamp_min(_SMALLEST_SCALE).half()
    rows = matrix.detach().float() / scale.float().view(-1, *[1] * (matrix.dim() - 1))
    return rows.round().clamp(-_INT8_MAX, _INT8_MAX).to(torch.int8), scale


def _float_type(storage: StorageConfig) -> torch.dtype:
    return torch.float32 if storage.dtype is None else torch.float16
