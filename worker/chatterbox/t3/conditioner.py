"""T3's conditioning encoder alone, for engines that run the Llama elsewhere."""

from pathlib import Path

import torch
from torch import Tensor, nn

from worker.chatterbox.config import StorageConfig, T3Config
from worker.chatterbox.t3.conditioning import ConditioningEncoder, collate
from worker.chatterbox.t3.model import PositionTable
from worker.chatterbox.voice import Voice
from worker.chatterbox.weights import load_strict, read_tensors

_PARTS = ("cond_enc.", "speech_emb.", "speech_pos_emb.")


class Conditioner(nn.Module):
    """Encodes a voice and an exaggeration as the prefix of a row."""

    def __init__(self, config: T3Config) -> None:
        super().__init__()
        self.cond_enc = ConditioningEncoder(config)
        self.speech_emb = nn.Embedding(config.speech_vocab, config.width)
        self.speech_pos_emb = PositionTable(config.speech_positions, config.width)

    @torch.inference_mode()
    def encode(self, voice: Voice, exaggeration: float) -> Tensor:
        """Encode one prefix, on the CPU. Shape: (conditioning length, D)."""
        conditioning = collate([voice], [exaggeration], torch.device("cpu"))
        steps = torch.arange(len(voice.prompt_tokens))
        prompt = self.speech_emb(conditioning.prompt_tokens) + self.speech_pos_emb(steps)
        prefix: Tensor = self.cond_enc(conditioning, prompt)
        return prefix[0]


def load_conditioner(weights: Path, config: T3Config, storage: StorageConfig) -> Conditioner:
    """Read the few tensors that it needs from T3's file.

    Raises: CheckpointError if the file is damaged or a tensor is missing or of another shape.
    """
    tensors = {
        part + name: tensor
        for part in _PARTS
        for name, tensor in read_tensors(weights, storage, part).items()
    }
    conditioner = Conditioner(config)
    load_strict(conditioner, tensors, str(weights))
    return conditioner.eval().requires_grad_(False)
