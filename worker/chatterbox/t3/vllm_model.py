"""Adapts the network of vllm_network to vLLM's model interface.

vLLM's plugin registers it under the architecture's name.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from vllm.config import VllmConfig
from vllm.model_executor.model_loader.weight_utils import default_weight_loader
from vllm.v1.worker.gpu.model_states.default import DefaultModelState

from worker.chatterbox.cuda_graphs import recorded_on
from worker.chatterbox.t3.vllm_layout import pack
from worker.chatterbox.t3.vllm_network import TwoStreamT3

_NETWORK = "network"  # the attribute name, and so the first part of parameter names
_UNUSED = ("cond_enc.", "text_head.", "tfmr.embed_tokens.")
# Part of the official name, the fused parameter it belongs to, and its index in it.
_FUSED: tuple[tuple[str, str, str | int], ...] = (
    ("q_proj", "qkv_proj", "q"),
    ("k_proj", "qkv_proj", "k"),
    ("v_proj", "qkv_proj", "v"),
    ("gate_proj", "gate_up_proj", 0),
    ("up_proj", "gate_up_proj", 1),
)


class ChatterboxT3(nn.Module):
    """Token ids and positions to logits."""

    # The three rows of M-RoPE positions are vLLM's only per-request channel into every step: the
    # first holds the packed position and, in the prompt, the second the conditioning's row.
    supports_mrope: ClassVar[Literal[True]] = True

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()
        self.network = TwoStreamT3(
            vllm_config=vllm_config, prefix=f"{prefix}.{_NETWORK}".lstrip(".")
        )
        self._stream: torch.cuda.Stream | None = None
        if torch.cuda.is_available():
            priority = torch.cuda.current_stream().priority
            self._stream = torch.cuda.Stream(priority=priority)

    def get_model_state_cls(self) -> type:
        """Return the model state for vLLM's second model runner."""
        if not torch.cuda.is_available():
            return DefaultModelState
        # Imported here: Triton is not installed where there is no GPU.
        from worker.chatterbox.t3.vllm_sampler import T3State  # noqa: PLC0415

        return T3State

    def get_mrope_input_positions(
        self, input_tokens: list[int], mm_features: Any = None
    ) -> tuple[Tensor, int]:
        """Give each prompt token its packed position and its row of the bank.

        vLLM adds the second result to the place of every later token, which packs it likewise.
        Shapes: (3, tokens).
        """
        del mm_features
        header = self.network.layout.read(input_tokens)
        places = torch.arange(len(input_tokens))
        length = self.network.config.conditioning_length
        rows = torch.where(places < length, header.row * length + places, 0)
        packed = pack(header)
        return torch.stack([places + packed, rows, torch.zeros_like(places)]), packed

    def embed_input_ids(self, input_ids: Tensor) -> Tensor:
        """Embed speech tokens; required by vLLM, although the network embeds with positions."""
        most = self.network.config.speech_vocab - 1
        embedded: Tensor = self.network.speech_emb(input_ids.clamp(max=most))
        return embedded

    def forward(
        self,
        input_ids: Tensor,
        positions: Tensor,
        intermediate_tensors: Any = None,
        inputs_embeds: Tensor | None = None,
    ) -> Tensor:
        """Return guided logits. Shapes: input_ids (N,), positions (3, N) -> (N, vocab_size).

        vLLM captures decoding steps on a stream of torch's own, and a graph's kernels keep the
        priority of the stream they were captured on. So they are captured on another stream, with
        the priority of the thread's own stream.
        """
        del intermediate_tensors, inputs_embeds
        if self._stream is None or not torch.cuda.is_current_stream_capturing():
            return self.network(input_ids, positions)
        with recorded_on(self._stream):
            return self.network(input_ids, positions)

    def compute_logits(self, hidden_states: Tensor) -> Tensor:
        """Return its input: `forward` returns logits already."""
        return hidden_states

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> set[str]:
        """Load the official tensors; vLLM refuses to start if a parameter is left out."""
        parameters = dict(self.named_parameters())
        loaded = set()
        for official, tensor in weights:
            if official.startswith(_UNUSED):
                continue
            name, shard = _parameter_of(official)
            parameter = parameters[name]
            load = getattr(parameter, "weight_loader", default_weight_loader)
            load(parameter, tensor, *([] if shard is None else [shard]))
            loaded.add(name)
        return loaded


class T3Worker:
    """Mixed into vLLM's workers (`worker_extension_cls`): calls for T3 that vLLM does not have."""

    model_runner: Any

    def set_conditioning(self, row: int, data: bytes) -> None:
        """Overwrite one row of the bank with a float32 conditioning (34, D)."""
        network = self.model_runner.get_model().network
        length = network.config.conditioning_length
        conditioning = torch.frombuffer(bytearray(data), dtype=torch.float32)
        bank = network.bank[row * length : (row + 1) * length]
        bank.copy_(conditioning.view(length, -1))

    def capture_joining_steps(self, sizes: list[int]) -> int:
        """Capture steps of so many tokens that read prompts; return the largest, 0 without any."""
        if not hasattr(self.model_runner, "cudagraph_manager"):
            return 0  # vLLM's first model runner, which has no such graphs
        # Imported here: a part of vLLM's second model runner.
        from worker.chatterbox.t3.vllm_graphs import capture_joining_steps  # noqa: PLC0415

        return capture_joining_steps(self.model_runner, sizes)


def _parameter_of(official: str) -> tuple[str, str | int | None]:
    name = f"{_NETWORK}.{official.replace('_pos_emb.emb.', '_pos_emb.')}"
    for part, fused, shard in _FUSED:
        if f".{part}." in name:
            return name.replace(part, fused), shard
    return name, None
