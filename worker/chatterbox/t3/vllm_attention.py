"""T3's attention in vLLM on a GPU: our kernel for single tokens, vLLM's Triton kernel for others.

vLLM loads it by the name under which worker.chatterbox.t3.plugin registers it.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
from torch import Tensor
from vllm.v1.attention.backend import AttentionCGSupport
from vllm.v1.attention.backends.triton_attn import (
    TritonAttentionBackend,
    TritonAttentionImpl,
    TritonAttentionMetadata,
    TritonAttentionMetadataBuilder,
)

from worker.chatterbox.t3.paged_attention import attend_one
from worker.chatterbox.t3.plugin import ATTENTION

_FEW = 4  # for this few sequences vLLM's kernel, which splits their positions, is faster


@dataclass
class T3Metadata(TritonAttentionMetadata):  # type: ignore[misc, unused-ignore]
    """One step: the first `singles` sequences add one token each; `rest` describes the others.

    Both are empty where vLLM's kernel handles all sequences.
    """

    singles: int = 0
    rest: TritonAttentionMetadata | None = None


class T3Attention(TritonAttentionImpl):  # type: ignore[misc, unused-ignore]
    """Attention of one layer; keys and values are in the cache when it is called."""

    def __init__(self, num_heads: int, *arguments: Any, **named: Any) -> None:
        super().__init__(num_heads, *arguments, **named)
        if self.num_kv_heads != num_heads:
            raise ValueError(
                f"T3's attention takes heads with keys of their own: {num_heads} heads with keys "
                f"for {self.num_kv_heads} need another backend"
            )

    def forward(  # noqa: PLR0917 - vLLM's own order
        self,
        layer: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        kv_cache: Tensor,
        attn_metadata: T3Metadata | None,
        output: Tensor,
        output_scale: Tensor | None = None,
        output_block_scale: Tensor | None = None,
    ) -> Tensor:
        """Shapes: query, key, value, output (N, heads, E); kv_cache (blocks, 2, places, heads, E).

        `attn_metadata` is None while vLLM measures memory.
        """
        scales = (output_scale, output_block_scale)
        singles = 0 if attn_metadata is None else attn_metadata.singles
        if attn_metadata is None or singles == 0:
            super().forward(layer, query, key, value, kv_cache, attn_metadata, output, *scales)
            return output
        keys, values = kv_cache.unbind(1)
        attend_one(
            query[:singles],
            (keys, values),
            blocks=attn_metadata.block_table,
            lengths=attn_metadata.seq_lens,
            scale=self.scale,
            out=output[:singles],
        )
        if attn_metadata.rest is not None:
            others = (part[singles:] for part in (query, key, value))
            super().forward(layer, *others, kv_cache, attn_metadata.rest, output[singles:], *scales)
        return output


class T3AttentionBuilder(TritonAttentionMetadataBuilder):  # type: ignore[misc, unused-ignore]
    """Builds Triton's metadata and counts the sequences that our kernel handles.

    Only steps that add one token per sequence are captured, so a graph holds one kind of kernel.
    """

    _cudagraph_support: ClassVar[AttentionCGSupport] = (
        AttentionCGSupport.UNIFORM_SINGLE_TOKEN_DECODE
    )

    def build(
        self, common_prefix_len: int, common_attn_metadata: Any, **options: Any
    ) -> T3Metadata:
        """Describe a step to `T3Attention.forward`."""
        metadata = super().build(common_prefix_len, common_attn_metadata, **options)
        step = T3Metadata(**{part.name: getattr(metadata, part.name) for part in fields(metadata)})
        if len(metadata.seq_lens) <= _FEW:
            return step
        added = np.diff(common_attn_metadata.query_start_loc_cpu.numpy())
        # vLLM sorts sequences by the number of tokens they add. A graph may be larger than the
        # batch; its padding sequences have length 0.
        several = np.flatnonzero(added > 1)
        step.singles = (
            int(several[0]) if len(several) else min(len(added), metadata.num_actual_tokens)
        )
        if len(several):
            step.rest = replace(
                metadata,
                num_actual_tokens=metadata.num_actual_tokens - step.singles,
                query_start_loc=metadata.query_start_loc[step.singles :] - step.singles,
                seq_lens=metadata.seq_lens[step.singles :],
                block_table=metadata.block_table[step.singles :],
            )
        return step


class T3AttentionBackend(TritonAttentionBackend):  # type: ignore[misc, unused-ignore]
    """The attention backend that vLLM queries."""

    supported_kv_cache_dtypes: ClassVar[list[str]] = ["auto", "float16", "bfloat16"]

    @classmethod
    def supports_batch_invariance(cls) -> bool:
        """Return False: the order of summation depends on the number of sequences."""
        return False

    @staticmethod
    def get_builder_cls() -> type[T3AttentionBuilder]:
        """Return the class that builds a step's metadata."""
        return T3AttentionBuilder

    @staticmethod
    def get_name() -> str:
        """Return the name under which the plugin registers it."""
        return ATTENTION

    @staticmethod
    def get_impl_cls() -> type[T3Attention]:
        """Return the attention of a layer."""
        return T3Attention
