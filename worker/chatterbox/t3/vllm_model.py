"""T3 as a vLLM model: guidance as two streams inside one request.

Every token is two rows, conditional and unconditional, with separate keys and values under twice
the number of heads: to vLLM it is one sequence with one block table. The streams meet in the last
hidden state, before the (linear) speech head, so that penalties and sampling are ordinary.
Source: docs/decisions/0006-guidance-inside-the-model.md; docs/model.md, T3.
"""

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from vllm.compilation.decorators import support_torch_compile
from vllm.config import VllmConfig
from vllm.model_executor.layers.activation import SiluAndMul
from vllm.model_executor.layers.attention import Attention
from vllm.model_executor.layers.layernorm import RMSNorm
from vllm.model_executor.layers.linear import (
    MergedColumnParallelLinear,
    QKVParallelLinear,
    RowParallelLinear,
)
from vllm.model_executor.layers.rotary_embedding import get_rope
from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead
from vllm.model_executor.model_loader.weight_utils import default_weight_loader
from vllm.v1.worker.gpu.model_states.default import DefaultModelState

from worker.chatterbox.config import ACOUSTIC_TOKENS, STOP_SPEECH, T3Config
from worker.chatterbox.t3.vllm_layout import (
    MAX_PLACES,
    PromptLayout,
    decode_guidance,
    pack,
    rope_parameters,
    unpack,
)

STREAMS = 2
_UNUSED = ("cond_enc.", "text_head.", "tfmr.embed_tokens.")
# Official name part, the fused parameter it belongs to, and its place therein.
_FUSED: tuple[tuple[str, str, str | int], ...] = (
    ("q_proj", "qkv_proj", "q"),
    ("k_proj", "qkv_proj", "k"),
    ("v_proj", "qkv_proj", "v"),
    ("gate_proj", "gate_up_proj", 0),
    ("up_proj", "gate_up_proj", 1),
)


class TwoStreamAttention(nn.Module):
    """Self-attention in which a token's two rows share a place but no key."""

    def __init__(self, config: T3Config, vllm_config: VllmConfig, prefix: str) -> None:
        super().__init__()
        width, heads, kv_heads = config.head_width, config.heads, config.kv_heads
        self.sizes = [heads * width, kv_heads * width, kv_heads * width]
        self.qkv_proj = QKVParallelLinear(config.width, width, heads, kv_heads, bias=False)
        self.o_proj = RowParallelLinear(heads * width, config.width, bias=False)
        self.rotary = get_rope(width, MAX_PLACES, rope_parameters=rope_parameters(config))
        # Head order [conditional | unconditional]: exactly a token's two rows side by side.
        self.attn = Attention(
            STREAMS * heads,
            width,
            width**-0.5,
            num_kv_heads=STREAMS * kv_heads,
            cache_config=vllm_config.cache_config,
            prefix=f"{prefix}.attn",
        )

    def forward(self, places: Tensor, rows: Tensor) -> Tensor:
        """Shapes: places (N,), rows (2N, D) -> (2N, D)."""
        fused, _ = self.qkv_proj(rows)
        parts = fused.split(self.sizes, dim=-1)
        query, key, value = (part.reshape(places.shape[0], -1) for part in parts)
        query, key = self.rotary(places, query, key)
        mixed, _ = self.o_proj(self.attn(query, key, value).view(rows.shape[0], -1))
        return mixed


class Mlp(nn.Module):
    """SwiGLU."""

    def __init__(self, config: T3Config) -> None:
        super().__init__()
        sizes = [config.ffn_width, config.ffn_width]
        self.gate_up_proj = MergedColumnParallelLinear(config.width, sizes, bias=False)
        self.down_proj = RowParallelLinear(config.ffn_width, config.width, bias=False)
        self.activation = SiluAndMul()

    def forward(self, rows: Tensor) -> Tensor:
        gated, _ = self.gate_up_proj(rows)
        out, _ = self.down_proj(self.activation(gated))
        return out


class Layer(nn.Module):
    """One Llama layer over both streams; norms are fused with the residual sum before them."""

    def __init__(self, config: T3Config, vllm_config: VllmConfig, prefix: str) -> None:
        super().__init__()
        self.self_attn = TwoStreamAttention(config, vllm_config, f"{prefix}.self_attn")
        self.mlp = Mlp(config)
        self.input_layernorm = RMSNorm(config.width, eps=config.norm_eps)
        self.post_attention_layernorm = RMSNorm(config.width, eps=config.norm_eps)

    def forward(
        self, places: Tensor, rows: Tensor, residual: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        if residual is None:
            rows, residual = self.input_layernorm(rows), rows
        else:
            rows, residual = self.input_layernorm(rows, residual)
        rows = self.self_attn(places, rows)
        rows, residual = self.post_attention_layernorm(rows, residual)
        return self.mlp(rows), residual


class Backbone(nn.Module):
    """The Llama, without embeddings."""

    def __init__(self, config: T3Config, vllm_config: VllmConfig, prefix: str) -> None:
        super().__init__()
        names = (f"{prefix}.layers.{index}" for index in range(config.layers))
        self.layers = nn.ModuleList(Layer(config, vllm_config, name) for name in names)
        self.norm = RMSNorm(config.width, eps=config.norm_eps)

    def forward(self, places: Tensor, rows: Tensor) -> Tensor:
        residual = None
        for layer in self.layers:
            rows, residual = layer(places, rows, residual)
        rows, _ = self.norm(rows, residual)
        return rows


@support_torch_compile(
    dynamic_arg_dims={
        "input_ids": 0,
        "positions": -1,
        "intermediate_tensors": 0,
        "inputs_embeds": 0,
    }
)
class ChatterboxT3(nn.Module):
    """Ids and packed positions to guided hidden states, and those to logits."""

    # The three rows of M-RoPE positions are vLLM's one per-request channel into every step; we use
    # the first for the packed position and, in the prompt, the second for the conditioning's row.
    supports_mrope: ClassVar[Literal[True]] = True
    bank: Tensor

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__()
        hf_config = vllm_config.model_config.hf_config
        self.config = config = T3Config(**hf_config.t3)
        self.layout = PromptLayout.of(config)
        self.tfmr = Backbone(config, vllm_config, f"{prefix}.tfmr".lstrip("."))
        self.text_emb = nn.Embedding(config.text_vocab, config.width)
        self.speech_emb = nn.Embedding(config.speech_vocab, config.width)
        self.text_pos_emb = nn.Embedding(config.text_positions, config.width)
        self.speech_pos_emb = nn.Embedding(config.speech_positions, config.width)
        self.speech_head = ParallelLMHead(config.speech_vocab, config.width)
        bank = torch.zeros(hf_config.bank_rows * config.conditioning_length, config.width)
        self.register_buffer("bank", bank, persistent=False)

    def get_model_state_cls(self) -> type:
        """Return what vLLM's second model runner keeps beside the model."""
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
        header = self.layout.read(input_tokens)
        places = torch.arange(len(input_tokens))
        length = self.config.conditioning_length
        rows = torch.where(places < length, header.row * length + places, 0)
        packed = pack(header)
        return torch.stack([places + packed, rows, torch.zeros_like(places)]), packed

    def embed_input_ids(self, input_ids: Tensor) -> Tensor:
        """Embed speech tokens; vLLM asks for the method, `forward` embeds with positions."""
        return self.speech_emb(input_ids.clamp(max=self.config.speech_vocab - 1))

    def forward(
        self,
        input_ids: Tensor,
        positions: Tensor,
        intermediate_tensors: Any = None,
        inputs_embeds: Tensor | None = None,
    ) -> Tensor:
        """Return guided logits, minus infinity wherever the vocoder has no sound.

        With the head in here, it runs in a step's graph: a host has less to launch.
        Shapes: input_ids (N,), positions (3, N) -> (N, vocab_size).
        """
        del intermediate_tensors, inputs_embeds
        places, text_lengths, guidance = unpack(positions[0])
        rows = self._embed(input_ids, places, text_lengths, positions[1])
        rows = self.tfmr(places, rows.flatten(0, 1))
        conditional, unconditional = rows.float().unflatten(0, (-1, STREAMS)).unbind(1)
        weight = decode_guidance(guidance)[:, None]
        guided = conditional + weight * (conditional - unconditional)
        # Rows that align the product are no speech; what follows leaves them out.
        speech = linear(guided.to(rows.dtype), self.speech_head.weight)
        logits = speech.new_full((speech.shape[0], self.layout.vocab_size), float("-inf"))
        logits[:, :ACOUSTIC_TOKENS] = speech[:, :ACOUSTIC_TOKENS]
        logits[:, STOP_SPEECH] = speech[:, STOP_SPEECH]
        return logits

    def compute_logits(self, hidden_states: Tensor) -> Tensor:
        """Return them as they are: vLLM's name for what `forward` has returned."""
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

    def _embed(self, ids: Tensor, places: Tensor, text_lengths: Tensor, rows: Tensor) -> Tensor:
        """Embed every id as what it is. Shapes: (N,) each -> (N, 2, D).

        All three readings of an id are looked up and one is chosen: a graph has no branches.
        """
        config, layout = self.config, self.layout
        text_places = places - config.conditioning_length
        # The second START_SPEECH is speech place 0, and so, by clamping, is the first.
        speech_places = text_places - text_lengths - 1
        speech = self.speech_emb(ids.clamp(max=config.speech_vocab - 1)) + self.speech_pos_emb(
            speech_places.clamp(0, config.speech_positions - 1)
        )
        text_place = self.text_pos_emb(text_places.clamp(0, config.text_positions - 1))
        text = text_place + self.text_emb(
            (ids - config.speech_vocab).clamp(0, config.text_vocab - 1)
        )
        conditioning = self.bank[rows.clamp(0, self.bank.shape[0] - 1)]
        is_speech = (ids < config.speech_vocab)[:, None]
        is_digit = (ids >= layout.first_digit)[:, None]
        streams = [
            torch.where(is_speech, speech, torch.where(is_digit, conditioning, reading))
            # Unconditional text is its positions alone: T3 was trained with the words zeroed.
            for reading in (text, text_place)
        ]
        return torch.stack(streams, dim=1)


class ConditioningBank:
    """Mixed into vLLM's workers (`worker_extension_cls`): the engine fills the bank through it."""

    model_runner: Any

    def set_conditioning(self, row: int, data: bytes) -> None:
        """Overwrite one row of the bank with a float32 conditioning (34, D)."""
        model = self.model_runner.get_model()
        length = model.config.conditioning_length
        conditioning = torch.frombuffer(bytearray(data), dtype=torch.float32)
        bank = model.bank[row * length : (row + 1) * length]
        bank.copy_(conditioning.view(length, -1))


def _parameter_of(official: str) -> tuple[str, str | int | None]:
    name = official.replace("_pos_emb.emb.", "_pos_emb.")
    for part, fused, shard in _FUSED:
        if f".{part}." in name:
            return name.replace(part, fused), shard
    return name, None
