"""A voice as the networks see it, and its file: the layout of the official `conds.pt`.

Knows nothing of recordings: `worker.chatterbox.reference` makes a voice from one.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from narration.errors import CheckpointError

_EXAGGERATION = 0.5  # upstream's default, which the file format requires and a delivery overrides


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """All conditioning of T3 and S3Gen on one speaker: CPU tensors, float32 or int64, unbatched.

    Shapes: speaker (256,); prompt_tokens (n <= 150,); reference_tokens (n <= 250,);
    reference_mel (F, 80); x_vector (192,).
    Units: tokens at 25 Hz; mel at 50 Hz, natural log.
    """

    digest: str  # SHA-256 over the five tensors
    speaker: Tensor
    prompt_tokens: Tensor
    reference_tokens: Tensor
    reference_mel: Tensor
    x_vector: Tensor


def make_voice(
    *,
    speaker: Tensor,
    prompt_tokens: Tensor,
    reference_tokens: Tensor,
    reference_mel: Tensor,
    x_vector: Tensor,
) -> Voice:
    """Convert the five tensors to the CPU and their plain types, and compute their digest."""
    parts = {
        "speaker": _plain(speaker, torch.float32),
        "prompt_tokens": _plain(prompt_tokens, torch.int64),
        "reference_tokens": _plain(reference_tokens, torch.int64),
        "reference_mel": _plain(reference_mel, torch.float32),
        "x_vector": _plain(x_vector, torch.float32),
    }
    return Voice(digest=_digest(parts), **parts)


def save_voice(voice: Voice, path: Path) -> None:
    """Write a voice so that upstream and `load_voice` can both read it."""
    content = {
        "t3": {
            "speaker_emb": voice.speaker[None],
            "clap_emb": None,
            "cond_prompt_speech_tokens": voice.prompt_tokens[None],
            "cond_prompt_speech_emb": None,
            "emotion_adv": torch.full((1, 1, 1), _EXAGGERATION),
        },
        "gen": {
            "prompt_token": voice.reference_tokens[None],
            "prompt_token_len": torch.tensor([len(voice.reference_tokens)]),
            "prompt_feat": voice.reference_mel[None],
            "prompt_feat_len": None,
            "embedding": voice.x_vector[None],
        },
    }
    torch.save(content, path)


def load_voice(path: Path) -> Voice:
    """Read a voice file; entries may be None and tensors may have been saved from a GPU.

    Raises: CheckpointError if the file is missing, unreadable or lacks one of the five tensors.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist: name a voice that is there") from error
    except Exception as error:  # a damaged pickle may raise anything
        raise CheckpointError(f"{path} is not a voice file: {error}") from error
    reference_tokens = _entry(content, "gen", "prompt_token", 1, path)
    return make_voice(
        speaker=_entry(content, "t3", "speaker_emb", 1, path),
        prompt_tokens=_entry(content, "t3", "cond_prompt_speech_tokens", 1, path),
        reference_tokens=reference_tokens[: _length(content, len(reference_tokens))],
        reference_mel=_entry(content, "gen", "prompt_feat", 2, path),
        x_vector=_entry(content, "gen", "embedding", 1, path),
    )


def _entry(content: Any, part: str, name: str, dims: int, path: Path) -> Tensor:
    section = content.get(part) if isinstance(content, dict) else None
    tensor = section.get(name) if isinstance(section, dict) else None
    if not isinstance(tensor, Tensor):
        raise CheckpointError(f"{path} holds no tensor {part}.{name}: prepare the voice again")
    if tensor.dim() < dims or tensor.shape[: tensor.dim() - dims].numel() != 1:
        raise CheckpointError(
            f"{path}: {part}.{name} has shape {tuple(tensor.shape)}, "
            f"expected one row of {dims} axes: prepare the voice again"
        )
    return tensor.reshape(tensor.shape[tensor.dim() - dims :])


def _length(content: dict[str, Any], size: int) -> int:
    length = content["gen"].get("prompt_token_len")
    return size if length is None else int(torch.as_tensor(length).reshape(-1)[0])


def _plain(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.detach().to("cpu", dtype).contiguous()


def _digest(parts: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(parts.items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
