"""Rows of different lengths concatenated in one long tensor, without padding.

Knows no network, only where each row is, how to shift rows in time and attend within them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.chatterbox.rows import upload
from worker.chatterbox.s3gen.kernels import attend_rows

PADDING_ROW = 512  # frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """Where each row of a packed tensor (N, ...) is.

    Shapes: offsets (rows + 1,) int32; row, position (N,) int64: the row of each frame, and its
    index in it.
    `is_even`: every row has the same length, so that (N, D) may be viewed as (rows, T, D).
    """

    lengths: tuple[int, ...]
    offsets: Tensor
    row: Tensor
    position: Tensor
    longest: int
    is_even: bool

    @property
    def rows(self) -> int:
        return self.offsets.shape[0] - 1


def pack_lengths(lengths: Sequence[int], device: torch.device | str = "cpu") -> Packing:
    """Concatenate rows of these lengths."""
    sizes = upload(torch.tensor(list(lengths)), device)
    offsets = F.pad(sizes.cumsum(0), (1, 0))
    row = torch.repeat_interleave(sizes, output_size=sum(lengths))
    return Packing(
        lengths=tuple(lengths),
        offsets=offsets.int(),
        row=row,
        position=torch.arange(len(row), device=row.device) - offsets[row],
        longest=max(lengths),
        is_even=min(lengths) == max(lengths),
    )


def pad_packing(packing: Packing, frames: int, rows: int, longest: int) -> Packing:
    """Pad to a fixed number of frames and rows: short rows of zeros, then empty rows.

    Graphs and compiled code then see few shapes. `longest` must not be below any row. Padding rows
    are short because the cost of attention grows with the square of the length.
    """
    used = len(packing.row)
    extra = torch.arange(frames - used, device=packing.row.device)
    spare = torch.arange(1, rows - packing.rows + 1, device=packing.row.device)
    ends = (used + PADDING_ROW * spare).clamp(max=frames).to(packing.offsets.dtype)
    return Packing(
        lengths=(*packing.lengths, *cut(frames - used, PADDING_ROW)),
        offsets=torch.cat([packing.offsets, ends]),
        row=torch.cat([packing.row, packing.rows + extra // PADDING_ROW]),
        position=torch.cat([packing.position, extra % PADDING_ROW]),
        longest=longest,
        is_even=False,
    )


def cut(length: int, size: int) -> list[int]:
    """Cut a length into parts of `size`; the last part is the remainder."""
    return [min(size, length - start) for start in range(0, length, size)]


def attend(query: Tensor, key: Tensor, value: Tensor, packing: Packing) -> Tensor:
    """Attend from each frame to all frames of its own row.

    Shapes: query, key, value (N, heads, E) -> (N, heads, E).
    """
    if packing.is_even:
        return _attend_evenly(query, key, value, packing.rows)
    if query.is_cuda and query.dtype != torch.float32:  # the kernel supports only half precision
        return attend_rows(query, key, value, packing.offsets, packing.longest)
    rows = zip(*(part.split(packing.lengths) for part in (query, key, value)), strict=True)
    return torch.cat([_attend_evenly(q, k, v, 1) for q, k, v in rows])


def _attend_evenly(query: Tensor, key: Tensor, value: Tensor, rows: int) -> Tensor:
    dense = (part.unflatten(0, (rows, -1)).transpose(1, 2) for part in (query, key, value))
    return F.scaled_dot_product_attention(*dense).transpose(1, 2).flatten(0, 1)


def shift(frames: Tensor, steps: int, packing: Packing) -> Tensor:
    """Shift every row `steps` frames later, filling with zeros and dropping its last frames.

    Shapes: frames (N, D) -> (N, D).
    """
    if steps == 0:
        return frames
    moved = F.pad(frames, (0, 0, steps, 0))[: frames.shape[0]]
    return moved.masked_fill((packing.position < steps)[:, None], 0.0)
