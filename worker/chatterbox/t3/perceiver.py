"""T3's perceiver: summarises a voice prompt of any length in a fixed number of vectors."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from worker.chatterbox.config import T3Config


class AttentionBlock(nn.Module):
    """Pre-norm attention whose residual is the query before the norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.to_q = nn.Linear(width, width)
        self.to_k = nn.Linear(width, width)
        self.to_v = nn.Linear(width, width)
        self.proj_out = nn.Linear(width, width)

    def forward(self, query: Tensor, source: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend from each query to the source.

        Shapes: query (B, Q, D), source (B, K, D), mask (B, 1, 1, K), True where visible
        -> (B, Q, D).
        """
        source_normed, query_normed = self.norm(source), self.norm(query)
        q, k, v = (
            self._split(t)
            for t in (self.to_q(query_normed), self.to_k(source_normed), self.to_v(source_normed))
        )
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=mask)
        joined: Tensor = self.proj_out(mixed.transpose(1, 2).flatten(2))
        return query + joined

    def _split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


class Perceiver(nn.Module):
    """Learned queries attend to the prompt, then to each other, through one shared block.

    Source: docs/model.md, T3 conditioning (after Jaegle et al. 2021, without the feed-forward).
    """

    def __init__(self, config: T3Config) -> None:
        super().__init__()
        # The range from which upstream draws them: training starts there, loading overwrites it.
        bound = (3.0 / config.perceiver_queries) ** 0.5
        queries = torch.empty(1, config.perceiver_queries, config.width)
        nn.init.uniform_(queries, -bound, bound)
        self.pre_attention_query = nn.Parameter(queries)
        self.attn = AttentionBlock(config.width, config.perceiver_heads)

    def forward(self, prompt: Tensor, mask: Tensor | None = None) -> Tensor:
        """Summarise the prompt. Shapes: prompt (B, n, D), mask (B, n) -> (B, queries, D)."""
        queries = self.pre_attention_query.expand(prompt.shape[0], -1, -1)
        visible = None if mask is None else mask[:, None, None, :]
        first = self.attn(queries, prompt, visible)
        summary: Tensor = self.attn(first, first)
        return summary
