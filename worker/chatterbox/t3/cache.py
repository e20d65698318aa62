"""Keys and values of the rows being decoded; the first n rows are in use."""

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

from worker.chatterbox.config import T3Config
from worker.chatterbox.t3.llama import Attend, attend_causally

_GROWTH = 256  # positions; growing copies the whole store, so it grows in steps


class Cache:
    """Storage for `rows` rows; their length grows as needed.

    A row's positions are 0, 1, 2, …; positions beyond a row's length are never read, so prompts may
    be written with their padding, and rows may have any lengths.
    Shapes: store (layers, 2, rows, key heads, capacity, head width).
    """

    def __init__(
        self, config: T3Config, rows: int, *, device: torch.device, dtype: torch.dtype
    ) -> None:
        shape = (config.layers, 2, rows, config.kv_heads, 0, config.head_width)
        self._store = torch.zeros(shape, device=device, dtype=dtype)
        self._is_grouped = config.heads != config.kv_heads

    @property
    def capacity(self) -> int:
        """Positions a row can hold before the next growth."""
        return self._store.shape[4]

    def reserve(self, length: int) -> None:
        """Make room for rows of this length."""
        if length > self.capacity:
            more = -(-(length - self.capacity) // _GROWTH) * _GROWTH
            self._store = pad(self._store, (0, 0, 0, more))

    def move(self, source: int, target: int) -> None:
        """Copy one row over another, to close a gap."""
        self._store[:, :, target] = self._store[:, :, source]

    def clear(self, row: int) -> None:
        """Zero a row that is not finite, because even a masked NaN makes a sum NaN."""
        self._store[:, :, row] = 0

    def prefill(self, first_row: int) -> Attend:
        """Attend within new rows, causally, and write them from `first_row` on."""

        def attend(layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            rows = slice(first_row, first_row + key.shape[0])
            self._store[layer, 0, rows, :, : key.shape[2]] = key
            self._store[layer, 1, rows, :, : key.shape[2]] = value
            return attend_causally(layer, query, key, value)

        return attend

    def decode(self, positions: Tensor, length: int) -> Attend:
        """Attend from one more position of each of the first n rows.

        Shapes: positions (n,); `length` is one more than the largest of them.
        """
        rows = torch.arange(len(positions), device=positions.device)
        steps = torch.arange(length, device=positions.device)
        visible = (steps <= positions[:, None])[:, None, None]

        def attend(layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            self._store[layer][:, rows, :, positions] = torch.stack((key, value), dim=1)[:, :, :, 0]
            keys, values = self._store[layer, :, : len(rows)]
            return scaled_dot_product_attention(
                query,
                keys[:, :, :length],
                values[:, :, :length],
                attn_mask=visible,
                enable_gqa=self._is_grouped,
            )

        return attend
