"""Rows of different lengths in one padded batch, each treated as if it were alone.

A network that looks both ways in time needs zeros after a short row's end, and a Fourier transform
needs the row mirrored there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

Columns = Sequence[Sequence[Tensor]]  # one column per input, one tensor per row
# Takes columns and lengths; returns one row per input row, possibly padded.
OnRows = Callable[[Columns, Sequence[int]], Tensor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Where each row of a padded batch ends.

    `longest`: length of the padded rows; `ends` (B,) int64 on their device, None where no row is
    padded.
    """

    longest: int
    ends: Tensor | None

    def scale(self, factor: int, more: int = 0) -> "Ends":
        """Return the ends after a layer that multiplies lengths by `factor` and adds `more`."""
        ends = None if self.ends is None else self.ends * factor + more
        return Ends(longest=self.longest * factor + more, ends=ends)

    def divide(self, step: int, more: int = 0) -> "Ends":
        """Return the ends after a layer that keeps every `step`-th position and adds `more`."""
        ends = None if self.ends is None else self.ends // step + more
        return Ends(longest=self.longest // step + more, ends=ends)

    def mask(self) -> Tensor | None:
        """Mark the positions that exist in each row. Shapes: (B, 1, longest), ones and zeros."""
        if self.ends is None:
            return None
        places = torch.arange(self.longest, device=self.ends.device)
        return (places < self.ends[:, None, None]).float()


def find_ends(lengths: Sequence[int], device: torch.device | str) -> Ends:
    """Return the ends of rows padded to the longest of them."""
    longest = max(lengths)
    is_even = min(lengths) == longest
    ends = None if is_even else upload(torch.tensor(list(lengths)), device)
    return Ends(longest=longest, ends=ends)


def call_padded(
    run: Callable[..., Tensor],
    columns: Columns,
    lengths: Sequence[int],
    device: torch.device,
) -> Tensor:
    """Call a function of padded inputs and their `Ends` on rows of these lengths."""
    catch_up(device)
    padded = [upload(pad_sequence(list(rows), batch_first=True), device) for rows in columns]
    return run(*padded, find_ends(lengths, device))


def call_in_groups(
    call: OnRows, columns: Columns, lengths: Sequence[int], *, most: int, rate: int
) -> list[Tensor]:
    """Call a function on groups of at most `size` rows of similar length.

    Returns its result for each row, which is `rate` times as long as the row.
    """
    results: list[Tensor] = [torch.empty(0)] * len(lengths)
    for members in group_by_length(lengths, most):
        group = [[rows[index] for index in members] for rows in columns]
        outputs = call(group, [lengths[index] for index in members])
        for index, row in zip(members, outputs, strict=True):
            results[index] = row[: rate * lengths[index]]
    return results


def pad_rows(rows: Sequence[Tensor], count: int, length: int) -> Tensor:
    """Stack rows, zero-padded to one length and one count.

    Shapes: (L, ...) each -> (count, length, ...).
    """
    nothing = rows[0].new_zeros(length, *rows[0].shape[1:])
    spare = [nothing] * max(1, count - len(rows))
    return pad_sequence([*rows, *spare], batch_first=True)[:count]


def upload(tensor: Tensor, device: torch.device | str) -> Tensor:
    """Copy to a device without waiting for its pending work."""
    device = torch.device(device)
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def catch_up(device: torch.device) -> None:
    """Wait until a GPU has finished the work of the current stream.

    Used before launching thousands of kernels: once the driver's queue is full, a launch spins and
    blocks the launches of other threads.
    """
    if device.type == "cuda":
        done = torch.cuda.Event(blocking=True)
        done.record()
        done.synchronize()


def keep(x: Tensor, valid: Tensor | None) -> Tensor:
    """Zero everything after each row's end.

    Shapes: x (B, D, L); valid (B, 1, L) -> (B, D, L); or all of them with frames second.
    """
    return x if valid is None else x * valid.to(x.dtype)


def mirror(signal: Tensor, ends: Ends, edge: int) -> Tensor:
    """Extend every row at both ends by its mirror image.

    Shapes: signal (B, S) -> (B, S + 2 edge); undefined beyond a row's length + 2 edge.
    """
    if ends.ends is None:
        return functional.pad(signal, (edge, edge), mode="reflect")
    last = ends.ends[:, None] - 1
    place = torch.arange(-edge, signal.shape[1] + edge, device=signal.device)[None].abs()
    place = torch.where(place > last, 2 * last - place, place).clamp(min=0)
    return signal.gather(1, place)


def group_by_length(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Split rows into groups of at most `size` of similar length, to keep padding small.

    There are as few groups as possible, of about equal size. Returns the rows' indices, by which
    results are put back in order.
    """
    by_length = sorted(range(len(lengths)), key=lambda index: lengths[index])
    groups = max(1, -(-len(lengths) // size))
    bounds = [len(lengths) * index // groups for index in range(groups + 1)]
    return [by_length[start:end] for start, end in pairwise(bounds) if start < end]
