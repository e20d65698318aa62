"""How the engine's two stages share a GPU: whose kernels run first, and when T3 pauses.

docs/decisions/0015-t3-goes-first.md explains T3's priority, 0013-sound-goes-first.md its pause,
0029-few-utterances-are-decoded-alone.md when it does not pause, and
0031-first-sounds-have-a-stream-of-their-own.md the stream between those of T3 and sound.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from worker.engine.options import ResolvedOptions

OpenStream = Callable[[], torch.cuda.Stream]
# The lower, the sooner; torch has -3 to 0.
_T3_PRIORITY, _FIRST_PRIORITY = -3, -1
_BATCHES_BEHIND = 2.0  # full sound batches that may wait before a crowded T3 pauses


class Backlog:
    """How far the sound stage is behind; T3 checks it before each step.

    T3 pauses while the sound stage is behind and more utterances wait than T3 has slots. Otherwise
    utterances that wait for the vocoder would fill the engine and leave T3 only a few to decode,
    and a step of few utterances costs nearly as much as a step of many.

    T3 neither pauses nor shares the GPU with batches of books while some utterances go first
    (worker.engine.precedence). For the first sound of a stream it does not ask at all.
    """

    def __init__(self) -> None:
        self._batches = 0.0
        self.is_hurrying = False  # T3 needs the GPU: the sound stage starts no other batch
        self.on_calm: Callable[[], None] = _do_nothing  # called when that ends
        self._changed = threading.Condition()

    def update(self, batches: float) -> None:
        """Set how many full batches wait for the sound stage."""
        with self._changed:
            self._batches = batches
            self._changed.notify_all()

    def hurry(self, *, is_hurrying: bool) -> None:
        """Set whether some utterances go first in T3."""
        has_ended = self.is_hurrying > is_hurrying
        self.is_hurrying = is_hurrying
        if has_ended:
            self.on_calm()

    def wait(self, timeout_s: float, *, is_crowded: bool) -> bool:
        """Wait until T3 may step; return whether it may.

        `is_crowded`: an utterance waits that could join if a slot were free.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: not is_crowded or self._batches < _BATCHES_BEHIND,
                timeout_s,
            )


def _do_nothing() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """What the two stages share on a GPU; nothing on a CPU, where each has its own cores.

    Each function opens a CUDA stream for kernels: T3's, those of the first sounds of streams, which
    must not wait for the batches under way, and those of all others.
    """

    open_t3_stream: OpenStream | None = None
    open_first_stream: OpenStream | None = None
    open_sound_stream: OpenStream | None = None
    backlog: Backlog | None = None


def share_device(options: ResolvedOptions) -> Sharing:
    """Give T3's kernels the highest priority: they are short, and each needs the one before."""
    if options.device == "cpu":
        return Sharing()
    device = torch.device(options.device)
    return Sharing(
        open_t3_stream=partial(torch.cuda.Stream, device, _T3_PRIORITY),
        open_first_stream=partial(torch.cuda.Stream, device, _FIRST_PRIORITY),
        open_sound_stream=partial(torch.cuda.Stream, device),
        backlog=Backlog(),
    )
