"""T3's attention in vLLM on a GPU: Triton's for prompts, ours where every sequence adds one token.

vLLM loads it by name, the backend that worker.chatterbox.t3.plugin registers.
"""

from typing import Any, ClassVar

from torch import Tensor
from vllm.v1.attention.backend import AttentionCGSupport
from vllm.v1.attention.backends.triton_attn import (
    TritonAttentionBackend,
    TritonAttentionImpl,
    TritonAttentionMetadataBuilder,
)

from worker.chatterbox.t3.paged_attention import HEADS_TOGETHER, attend_one
from worker.chatterbox.t3.plugin import ATTENTION


class T3Attention(TritonAttentionImpl):  # type: ignore[misc, unused-ignore]
    """Attention of one layer; keys and values are in the cache when it is called."""

    def __init__(self, num_heads: int, *arguments: Any, **named: Any) -> None:
        super().__init__(num_heads, *arguments, **named)
        if self.num_kv_heads != num_heads or num_heads % HEADS_TOGETHER:
            raise ValueError(
                f"T3's attention takes {HEADS_TOGETHER} N heads with keys each: {num_heads} with "
                f"keys for {self.num_kv_heads} need another backend"
            )

    def forward(  # noqa: PLR0917 - vLLM's own order
        self,
        layer: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        kv_cache: Tensor,
        attn_metadata: Any,
        output: Tensor,
        output_scale: Tensor | None = None,
        output_block_scale: Tensor | None = None,
    ) -> Tensor:
        """Shapes: query, key, value, output (N, heads, E); kv_cache (blocks, 2, places, heads, E).

        `attn_metadata` is None while vLLM measures memory.
        """
        if attn_metadata is None or attn_metadata.max_query_len > 1:
            scales = (output_scale, output_block_scale)
            mixed: Tensor = super().forward(
                layer, query, key, value, kv_cache, attn_metadata, output, *scales
            )
            return mixed
        # A graph may be wider than the batch: what it adds has no length.
        count = min(len(query), len(attn_metadata.seq_lens))
        keys, values = kv_cache.unbind(1)
        attend_one(
            query[:count],
            (keys, values),
            blocks=attn_metadata.block_table,
            lengths=attn_metadata.seq_lens,
            scale=self.scale,
            out=output[:count],
        )
        return output


class T3AttentionBuilder(TritonAttentionMetadataBuilder):  # type: ignore[misc, unused-ignore]
    """Triton's, but a graph is only for steps of one token each: it holds one of two kernels."""

    _cudagraph_support: ClassVar[AttentionCGSupport] = (
        AttentionCGSupport.UNIFORM_SINGLE_TOKEN_DECODE
    )


class T3AttentionBackend(TritonAttentionBackend):  # type: ignore[misc, unused-ignore]
    """What vLLM asks for the attention of a model."""

    supported_kv_cache_dtypes: ClassVar[list[str]] = ["auto", "float16", "bfloat16"]

    @classmethod
    def supports_batch_invariance(cls) -> bool:
        """Say no: sums are ordered by how many sequences there are."""
        return False

    @staticmethod
    def get_builder_cls() -> type[T3AttentionBuilder]:
        """Return what prepares a step."""
        return T3AttentionBuilder

    @staticmethod
    def get_name() -> str:
        """Return the name under which the plugin registers it."""
        return ATTENTION

    @staticmethod
    def get_impl_cls() -> type[T3Attention]:
        """Return the attention of a layer."""
        return T3Attention
