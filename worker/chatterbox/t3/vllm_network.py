"""T3's network on vLLM's layers: guidance as two streams inside one request.

Every token is two rows, conditional and unconditional, with separate keys and values under twice
the number of heads: to vLLM it is one sequence with one block table. The streams meet in the last
hidden state, before the (linear) speech head, so that penalties and sampling are ordinary.
Source: docs/decisions/0006-guidance-inside-the-model.md; docs/model.md, T3.
"""

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

from worker.chatterbox.config import ACOUSTIC_TOKENS, STOP_SPEECH, T3Config
from worker.chatterbox.t3.vllm_layout import (
    MAX_PLACES,
    PromptLayout,
    decode_guidance,
    rope_parameters,
    unpack,
)

STREAMS = 2


class TwoStreamAttention(nn.Module):
    """Self-attention in which a token's two rows share a position but not their keys."""

    def __init__(self, config: T3Config, vllm_config: VllmConfig, prefix: str) -> None:
        super().__init__()
        width, heads, kv_heads = config.head_width, config.heads, config.kv_heads
        self.sizes = [heads * width, kv_heads * width, kv_heads * width]
        self.qkv_proj = QKVParallelLinear(config.width, width, heads, kv_heads, bias=False)
        self.o_proj = RowParallelLinear(heads * width, config.width, bias=False)
        self.rotary = get_rope(width, MAX_PLACES, rope_parameters=rope_parameters(config))
        # The head order [conditional | unconditional] equals a token's two rows concatenated.
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


@support_torch_compile(dynamic_arg_dims={"input_ids": 0, "positions": -1})
class TwoStreamT3(nn.Module):
    """Ids and packed positions to guided logits.

    It includes the speech head, so that a step's graph covers it and the host launches less.
    """

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

    def forward(self, input_ids: Tensor, positions: Tensor) -> Tensor:
        """Return guided logits, minus infinity wherever the vocoder has no sound.

        Shapes: input_ids (N,), positions (3, N) -> (N, vocab_size).
        """
        places, text_lengths, guidance = unpack(positions[0])
        rows = self._embed(input_ids, places, text_lengths, positions[1])
        rows = self.tfmr(places, rows.flatten(0, 1))
        conditional, unconditional = rows.float().unflatten(0, (-1, STREAMS)).unbind(1)
        weight = decode_guidance(guidance)[:, None]
        guided = conditional + weight * (conditional - unconditional)
        # Padding columns that align the matrix product are cut off.
        speech = linear(guided.to(rows.dtype), self.speech_head.weight)
        logits = speech.new_full((speech.shape[0], self.layout.vocab_size), float("-inf"))
        logits[:, :ACOUSTIC_TOKENS] = speech[:, :ACOUSTIC_TOKENS]
        logits[:, STOP_SPEECH] = speech[:, STOP_SPEECH]
        return logits

    def _embed(self, ids: Tensor, places: Tensor, text_lengths: Tensor, rows: Tensor) -> Tensor:
        """Embed ids as speech, text or conditioning. Shapes: (N,) each -> (N, 2, D).

        All three embeddings of an id are looked up and one is chosen, because a graph has no
        branches.
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
