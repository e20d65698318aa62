"""Rows of different lengths in one padded batch, each ending where it ends.

A network that looks both ways in time needs zeros behind a short row's end, and a Fourier
transform needs the row mirrored there: as if the row were alone.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def upload(tensor: Tensor, device: torch.device | str) -> Tensor:
    """Copy to a device without waiting for what the device is still doing."""
    device = torch.device(device)
    if device.type != "cuda" or tensor.is_cuda:
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def catch_up(device: torch.device) -> None:
    """Wait until a GPU has done what the current stream was given.

    For callers that launch a thousand kernels and more: where the driver's queue is full, a launch
    spins, and other threads' launches with it.
    """
    if device.type == "cuda":
        done = torch.cuda.Event(blocking=True)
        done.record()
        done.synchronize()


def mark_valid(lengths: Sequence[int], device: torch.device) -> Tensor | None:
    """Make the mask of rows padded to the longest, or None where no row is padded.

    Shapes: (B, 1, longest), ones and zeros.
    """
    longest = max(lengths)
    if min(lengths) == longest:
        return None
    ends = upload(torch.tensor(list(lengths)), device)[:, None, None]
    return (torch.arange(longest, device=device) < ends).float()


def keep(x: Tensor, valid: Tensor | None) -> Tensor:
    """Zero what lies behind each row's end.

    Shapes: x (B, D, L); valid (B, 1, L) -> (B, D, L); or all of them with frames second.
    """
    return x if valid is None else x * valid.to(x.dtype)


def mirror(signal: Tensor, lengths: Sequence[int], edge: int) -> Tensor:
    """Extend every row at both of its own ends by its mirror image.

    Shapes: signal (B, S) -> (B, S + 2 edge); undefined beyond a row's length + 2 edge.
    """
    if min(lengths) == signal.shape[1]:
        return functional.pad(signal, (edge, edge), mode="reflect")
    last = upload(torch.tensor(list(lengths)), signal.device)[:, None] - 1
    place = torch.arange(-edge, max(lengths) + edge, device=signal.device)[None].abs()
    place = torch.where(place > last, 2 * last - place, place).clamp(min=0)
    return signal.gather(1, place)


def group_by_length(lengths: Sequence[int], size: int) -> list[list[int]]:
    """Split rows into groups of at most `size`, alike in length, so that little is padding.

    Returns the rows' indices; put results back in place by them.
    """
    by_length = sorted(range(len(lengths)), key=lambda index: lengths[index])
    return [by_length[start : start + size] for start in range(0, len(lengths), size)]
