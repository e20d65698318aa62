"""How the engine's two stages share a GPU: who goes first, and when T3 had better wait.

docs/decisions/0015-t3-goes-first.md says why.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch

from worker.engine.backlog import Backlog
from worker.engine.options import ResolvedOptions

OpenStream = Callable[[], torch.cuda.Stream]
_FIRST = -5  # or the highest there is; everybody's is 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """What the stages agree on; on a CPU, where both have cores of their own, nothing.

    `open_t3`, `open_sound` open streams for each stage's kernels, None on a CPU.
    """

    backlog: Backlog = field(default_factory=Backlog)
    open_t3: OpenStream | None = None
    open_sound: OpenStream | None = None


def share_card(options: ResolvedOptions) -> Sharing:
    """Let T3's kernels go first: they are short, and many wait for one another."""
    if options.device == "cpu":
        return Sharing()
    device = torch.device(options.device)
    return Sharing(
        open_t3=partial(torch.cuda.Stream, device, _FIRST),
        open_sound=partial(torch.cuda.Stream, device),
    )
