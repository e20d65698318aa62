"""How the engine's two stages share a GPU: whose kernels go first, and when T3 waits.

docs/decisions/0015-t3-goes-first.md says why; 0013-sound-goes-first.md for the waiting.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from worker.engine.options import ResolvedOptions

OpenStream = Callable[[], torch.cuda.Stream]
_HIGHEST = -5  # or the highest priority that the device has; the default is 0
_BATCHES_BEHIND = 2.0  # full batches of sound that may wait before a crowded T3 pauses


class Backlog:
    """How far the sound stage is behind; T3 asks before each step whether to wait.

    T3 pauses while the sound stage is behind and more utterances wait than T3 has slots. Otherwise
    T3 would only fill the engine with utterances that wait to be vocoded, and be left with few of
    its own, and a step of few utterances costs nearly as much as a step of many.
    """

    def __init__(self) -> None:
        self._batches = 0.0
        self._changed = threading.Condition()

    def update(self, batches: float) -> None:
        """Set how many full batches the sound stage has not begun."""
        with self._changed:
            self._batches = batches
            self._changed.notify_all()

    def wait(self, timeout_s: float, *, is_crowded: bool) -> bool:
        """Wait until T3 may step; return whether it may.

        `is_crowded`: more utterances wait than T3 has slots.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: not is_crowded or self._batches < _BATCHES_BEHIND, timeout_s
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """What the two stages share on a GPU; nothing on a CPU, where each has cores of its own.

    `open_t3_stream`, `open_sound_stream` open a CUDA stream for each stage's kernels.
    """

    open_t3_stream: OpenStream | None = None
    open_sound_stream: OpenStream | None = None
    backlog: Backlog | None = None


def share_device(options: ResolvedOptions) -> Sharing:
    """Give T3's kernels the highest priority: they are short, and each waits for the one before."""
    if options.device == "cpu":
        return Sharing()
    device = torch.device(options.device)
    return Sharing(
        open_t3_stream=partial(torch.cuda.Stream, device, _HIGHEST),
        open_sound_stream=partial(torch.cuda.Stream, device),
        backlog=Backlog(),
    )
