"""An engine's options; those left at None or "auto" are chosen to suit the device."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch
from platformdirs import user_cache_path

from narration.errors import SettingsError
from worker.chatterbox.hift.vocoder import ROWS_AT_ONCE, SLOW_ROWS

BackEnd = Literal["auto", "torch", "vllm"]
Precision = Literal["auto", "float32", "bfloat16"]

_CPU_SLOTS = 8
_GB = 10**9
# How much of vLLM's cache an utterance occupies on average while it is spoken: 330 positions for
# chunks of 12 s, 480 for chunks of 20 s, times two streams, 30 layers, and keys and values 1,024
# wide in bfloat16. Utterances that do not fit wait, or are preempted and start over.
_GB_PER_SLOT = 400 * 2 * 30 * 2 * 1024 * 2 / _GB
VLLM_REST_GB = 2.5  # what vLLM needs besides its cache: T3's weights, graphs, activations
# What the driver allocates per process and PyTorch does not count: 0.9 to 1.0 on an H100.
DRIVER_GB = 1.0
_REST_GB = 2.6  # networks, T3's graphs, memory cached by the allocator
_LEAST_CACHE_GB = 1.0
_LEAST_BUDGET_GB = 7.0
# With this budget and more, first sounds have a stream and graphs of their own.
_LEAST_BUDGET_BESIDE_FIRST_GB = 40.0
_FIRST_GB = 2.0  # those graphs, and what captures leave in the allocator
_LARGEST_BATCH = 512  # more slots gained nothing on an H200


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How to run a checkpoint.

    `t3_slots` utterances decode at once, `vocoder_batch` are vocoded at once, and `submit` blocks
    while `queue_limit` utterances are unfinished.
    Units: gpu_memory_gb in 10^9 bytes for the whole engine, None for nearly the whole card.
    """

    device: str = "auto"
    back_end: BackEnd = "auto"
    precision: Precision = "auto"
    t3_slots: int | None = None
    vocoder_batch: int | None = None
    queue_limit: int | None = None
    is_watermarked: bool = True
    gpu_memory_gb: float | None = None
    is_compiled: bool = True  # on a GPU: slower to start, faster to speak
    cache_folder: Path | None = None  # for files that a back end derives from a checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedOptions:
    """EngineOptions with every choice made; sizes of GPU memory are zero on a CPU."""

    device: str
    back_end: Literal["torch", "vllm"]
    precision: Literal["float32", "bfloat16"]
    t3_slots: int
    vocoder_batch: int
    queue_limit: int
    is_watermarked: bool
    gpu_memory_gb: float
    kv_cache_gb: float
    is_compiled: bool
    cache_folder: Path
    has_stream_for_first: bool  # whether first sounds are rendered beside the other batches


def resolve(options: EngineOptions) -> ResolvedOptions:
    """Choose every option that was left open.

    Raises: SettingsError if a number is invalid, or the device or back end is not available.
    """
    for name in ("t3_slots", "vocoder_batch", "queue_limit", "gpu_memory_gb"):
        value = getattr(options, name)
        if value is not None and value <= 0:
            raise SettingsError(f"{name} is {value}: it must be above 0")
    device = _device(options.device)
    is_cuda = device.startswith("cuda")
    back_end = _back_end(options.back_end, device)
    budget_gb = _budget_gb(options.gpu_memory_gb, device) if is_cuda else 0.0
    batch = options.vocoder_batch or _vocoder_batch(budget_gb)
    precision = _precision(options.precision, is_cuda=is_cuda)
    is_compiled = is_cuda and options.is_compiled
    is_half = precision != "float32"
    has_first = is_compiled and is_half and budget_gb >= _LEAST_BUDGET_BESIDE_FIRST_GB
    first_gb = _FIRST_GB if has_first else 0.0
    kv_cache_gb = _kv_cache_gb(budget_gb, batch, first_gb) if is_cuda else 0.0
    slots = options.t3_slots or _slots(kv_cache_gb)
    return ResolvedOptions(
        device=device,
        back_end=back_end,
        precision=precision,
        t3_slots=slots,
        vocoder_batch=batch,
        queue_limit=options.queue_limit or 2 * (slots + batch),
        is_watermarked=options.is_watermarked,
        gpu_memory_gb=budget_gb,
        kv_cache_gb=kv_cache_gb,
        is_compiled=is_compiled,
        cache_folder=options.cache_folder or user_cache_path("rhapsode"),
        has_stream_for_first=has_first,
    )


def _device(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise SettingsError(f"device {device} is not there: choose cpu, or run on a GPU host")
    if device != "cpu" and not device.startswith("cuda"):
        raise SettingsError(f"device {device!r} is unknown: choose auto, cpu, cuda or cuda:N")
    return device


def _back_end(back_end: BackEnd, device: str) -> Literal["torch", "vllm"]:
    is_installed = find_spec("vllm") is not None
    if back_end == "auto":
        back_end = "vllm" if device.startswith("cuda") and is_installed else "torch"
    if back_end == "vllm" and not is_installed:
        raise SettingsError("back end vllm is not installed: choose torch, or use the GPU image")
    if back_end == "vllm" and device not in ("cpu", "cuda", "cuda:0"):
        raise SettingsError(f"vLLM runs on cuda:0 only, not {device}: set CUDA_VISIBLE_DEVICES")
    return back_end


def _precision(precision: Precision, *, is_cuda: bool) -> Literal["float32", "bfloat16"]:
    if precision == "auto":
        return "bfloat16" if is_cuda else "float32"
    return precision


def _budget_gb(requested: float | None, device: str) -> float:
    total_gb = torch.cuda.get_device_properties(device).total_memory / _GB
    if requested is not None and requested > total_gb:
        raise SettingsError(
            f"gpu_memory_gb is {requested:g}, the card has {total_gb:.0f}: ask for less"
        )
    return requested or 0.92 * total_gb  # headroom for the driver and other processes


def _kv_cache_gb(budget_gb: float, vocoder_batch: int, first_gb: float = 0.0) -> float:
    """Return what weights, graphs and a vocoder batch leave, up to what the slots need."""
    if budget_gb < _LEAST_BUDGET_GB:
        raise SettingsError(
            f"gpu_memory_gb is {budget_gb:g}: the engine needs {_LEAST_BUDGET_GB:g} at least"
        )
    left_gb = budget_gb - DRIVER_GB - _REST_GB - _sound_gb(vocoder_batch) - first_gb
    if left_gb < _LEAST_CACHE_GB:
        raise SettingsError(
            f"vocoder_batch is {vocoder_batch}: beside that, gpu_memory_gb of {budget_gb:g} leaves "
            "no room for T3; ask for fewer at once"
        )
    return min(left_gb, _LARGEST_BATCH * _GB_PER_SLOT)


def rows_at_once(vocoder_batch: int) -> int:
    """Choose how many utterances of a batch are encoded, and vocoded, at once."""
    rows = min(ROWS_AT_ONCE, 1 << (vocoder_batch.bit_length() - 1))
    return rows // 2 if rows == SLOW_ROWS else rows


def _sound_gb(vocoder_batch: int) -> float:
    # Graphs of 16 rows hold 3.4 GB, and capturing them takes as much again. With graphs of two
    # rows, which take 0.8 GB, an engine of 8 GB still ran out of memory for a batch once most were
    # captured.
    return max(1.4, 0.4 * rows_at_once(vocoder_batch)) + 0.05 * vocoder_batch


def _slots(kv_cache_gb: float) -> int:
    return min(_LARGEST_BATCH, int(kv_cache_gb / _GB_PER_SLOT)) or _CPU_SLOTS


def _vocoder_batch(budget_gb: float) -> int:
    # One at a time on the CPU: matrix kernels round differently at different batch sizes, and the
    # same seed must give the same bytes whatever else is being spoken. On a GPU, batches of 48 were
    # a tenth faster than 32, and the flow is the slower stage.
    return max(1, min(64, int(budget_gb / 1.4)))
