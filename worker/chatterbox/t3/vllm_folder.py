"""Makes a folder that vLLM can open from a checkpoint's T3: a config and linked weights.

Source: docs/decisions/0006-guidance-inside-the-model.md for the doubled sizes.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from narration.errors import CheckpointError
from worker.chatterbox.config import StorageConfig, T3Config
from worker.chatterbox.t3.plugin import ARCHITECTURE
from worker.chatterbox.t3.vllm_layout import MAX_PLACES, PromptLayout, rope_parameters
from worker.chatterbox.weights import read_tensors, write_tensors

_STREAMS = 2
_HEAD_WIDTHS = (32, 64, 96, 128)  # supported by vLLM's kernels on GPU and CPU


def write_vllm_folder(
    weights: Path, config: T3Config, storage: StorageConfig, *, bank_rows: int, cache: Path
) -> Path:
    """Make the folder under `cache`, or reuse an earlier one; return its path.

    Raises: CheckpointError if vLLM has no attention for T3's sizes, or if weights that must be
    expanded first cannot be read.
    """
    if config.head_width not in _HEAD_WIDTHS:
        raise CheckpointError(
            f"{weights} has attention heads of {config.head_width}, vLLM computes "
            f"{', '.join(map(str, _HEAD_WIDTHS))}: choose the torch back end"
        )
    content = json.dumps(vllm_config(config, bank_rows), indent=1, sort_keys=True)
    stat = weights.stat()
    identity = f"{weights.resolve()} {stat.st_size} {stat.st_mtime_ns} {storage} {content}"
    folder = cache / "vllm" / hashlib.sha256(identity.encode()).hexdigest()[:16]
    if not (folder / "config.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        _place_weights(weights, storage, folder / "model.safetensors")
        (folder / "config.json").write_text(content, encoding="utf-8")
    return folder


def vllm_config(config: T3Config, bank_rows: int) -> dict[str, Any]:
    """Describe T3 to vLLM: a Llama with two streams' heads, and our own sizes under `t3`."""
    half = config.head_width // 2
    return {
        "architectures": [ARCHITECTURE],
        "model_type": "llama",
        # vLLM sizes its attention kernels and caches by these, so they count both streams' heads.
        "hidden_size": _STREAMS * config.width,
        "num_attention_heads": _STREAMS * config.heads,
        "num_key_value_heads": _STREAMS * config.kv_heads,
        "head_dim": config.head_width,
        "intermediate_size": config.ffn_width,
        "num_hidden_layers": config.layers,
        "rms_norm_eps": config.norm_eps,
        "hidden_act": "silu",
        "max_position_embeddings": max(MAX_PLACES, config.rope_original_positions + 1),
        "tie_word_embeddings": False,
        "vocab_size": PromptLayout.of(config).vocab_size,
        "bos_token_id": None,
        "eos_token_id": None,
        "torch_dtype": "float32",
        # This section makes vLLM pass M-RoPE's three rows of positions; they rotate nothing.
        "rope_parameters": rope_parameters(config)
        | {"mrope_section": [half - 2 * (half // 4), half // 4, half // 4]},
        "t3": asdict(config),
        "bank_rows": bank_rows,
    }


def _place_weights(weights: Path, storage: StorageConfig, target: Path) -> None:
    target.unlink(missing_ok=True)
    if storage.dtype == "int8":
        write_tensors(read_tensors(weights, storage), target)
    else:
        target.symlink_to(weights.resolve())
