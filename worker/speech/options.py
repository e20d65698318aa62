"""What an engine may be told; every choice left at None or "auto" is made from the device."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch

from narration.errors import SettingsError

BackEnd = Literal["auto", "torch", "vllm"]
Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How to run a checkpoint.

    Units: gpu_memory_gb in 10^9 bytes for the whole engine, None for most of the card.
    `t3_slots` utterances decode at once, `vocoder_batch` are vocoded at once, and `submit` blocks
    from the `queue_limit`-th unfinished utterance on.
    """

    device: str = "auto"
    back_end: BackEnd = "auto"
    precision: Precision = "auto"
    t3_slots: int | None = None
    vocoder_batch: int | None = None
    queue_limit: int | None = None
    is_watermarked: bool = True
    gpu_memory_gb: float | None = None
    cache_folder: Path | None = None  # for what a back end derives from a checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedOptions:
    """EngineOptions with nothing left open."""

    device: str
    back_end: Literal["torch", "vllm"]
    precision: Literal["float32", "bfloat16"]
    t3_slots: int
    vocoder_batch: int
    queue_limit: int
    is_watermarked: bool
    gpu_memory_gb: float | None
    cache_folder: Path | None


def resolve(options: EngineOptions) -> ResolvedOptions:
    """Choose what was left open.

    Raises: SettingsError if a number makes no sense or the device or back end is not there.
    """
    for name in ("t3_slots", "vocoder_batch", "queue_limit", "gpu_memory_gb"):
        value = getattr(options, name)
        if value is not None and value <= 0:
            raise SettingsError(f"{name} is {value}: it must be above 0")
    device = _device(options.device)
    is_cuda = device.startswith("cuda")
    slots = options.t3_slots or (256 if is_cuda else 4)
    # One at a time on the CPU: matrix kernels round differently for another batch size, and the
    # same seed shall give the same bytes whatever else is being spoken.
    batch = options.vocoder_batch or (16 if is_cuda else 1)
    return ResolvedOptions(
        device=device,
        back_end=_back_end(options.back_end, is_cuda=is_cuda),
        precision=_precision(options.precision, is_cuda=is_cuda),
        t3_slots=slots,
        vocoder_batch=batch,
        queue_limit=options.queue_limit or 2 * slots + 2 * batch,
        is_watermarked=options.is_watermarked,
        gpu_memory_gb=options.gpu_memory_gb,
        cache_folder=options.cache_folder,
    )


def _device(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise SettingsError(f"device {device} is not there: choose cpu, or run on a GPU host")
    if device != "cpu" and not device.startswith("cuda"):
        raise SettingsError(f"device {device!r} is unknown: choose auto, cpu, cuda or cuda:N")
    return device


def _back_end(back_end: BackEnd, *, is_cuda: bool) -> Literal["torch", "vllm"]:
    is_installed = find_spec("vllm") is not None
    if back_end == "auto":
        return "vllm" if is_cuda and is_installed else "torch"
    if back_end == "vllm" and not is_installed:
        raise SettingsError("back end vllm is not installed: choose torch, or use the GPU image")
    return back_end


def _precision(precision: Precision, *, is_cuda: bool) -> Literal["float32", "bfloat16"]:
    if precision == "auto":
        return "bfloat16" if is_cuda else "float32"
    return precision
