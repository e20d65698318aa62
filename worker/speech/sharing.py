"""How the engine's two stages share a GPU: where each computes, and when T3 had better wait.

docs/decisions/0014-a-part-of-the-card-each.md says why.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
import torch

from worker.speech.backlog import Backlog
from worker.speech.options import ResolvedOptions

log = structlog.get_logger()

OpenStream = Callable[[], torch.cuda.Stream]
# The highest priority; T3 has everybody's, 0. It matters where the card is not split.
_FIRST = -5


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """What the stages agree on; on a CPU, where both have cores of their own, nothing.

    `open_t3`, `open_sound` open streams for each stage's kernels, None on a CPU. Where they lie on
    multiprocessors of their own, `open_wide` opens streams on all of the card.
    """

    backlog: Backlog = field(default_factory=Backlog)
    open_t3: OpenStream | None = None
    open_sound: OpenStream | None = None
    open_wide: OpenStream | None = None

    @property
    def is_split(self) -> bool:
        """Tell whether each stage has multiprocessors of its own."""
        return self.open_wide is not None


def share_card(options: ResolvedOptions) -> Sharing:
    """Split the card as the options say; if its driver cannot, let sound go first on all of it."""
    if options.device == "cpu":
        return Sharing()
    device = torch.device(options.device)
    open_wide = partial(torch.cuda.Stream, device)
    if options.sound_sms:
        try:
            open_sound, open_t3 = _split(device, options.sound_sms)
        except (ImportError, RuntimeError) as refusal:
            log.warning("card_not_split", error=str(refusal))
        else:
            return Sharing(open_t3=open_t3, open_sound=open_sound, open_wide=open_wide)
    return Sharing(
        open_t3=open_wide,
        open_sound=partial(torch.cuda.Stream, device, _FIRST),
    )


def _split(device: torch.device, sms: int) -> tuple[OpenStream, OpenStream]:
    """Open streams on so many multiprocessors, and on the others.

    By the driver's own calls: torch's green contexts all begin at the first multiprocessor, so that
    two of them overlap.

    Raises: RuntimeError if the driver cannot, ImportError if torch came without its bindings.
    """
    from cuda.bindings import driver  # noqa: PLC0415 - it comes with torch's builds for CUDA

    torch.zeros(1, device=device)  # the device's context must be there
    card = _ask(driver.cuDeviceGet(device.index or 0))
    kind = driver.CUdevResourceType.CU_DEV_RESOURCE_TYPE_SM
    whole = _ask(driver.cuDeviceGetDevResource(card, kind))
    (group,), _, rest = _ask(driver.cuDevSmResourceSplitByCount(1, whole, 0, sms))
    flags = int(driver.CUgreenCtxCreate_flags.CU_GREEN_CTX_DEFAULT_STREAM)
    parts = [_ask(driver.cuDevResourceGenerateDesc([part], 1)) for part in (group, rest)]
    contexts = [_ask(driver.cuGreenCtxCreate(part, card, flags)) for part in parts]
    non_blocking = int(driver.CUstream_flags.CU_STREAM_NON_BLOCKING)

    def open_stream(context: Any, priority: int) -> torch.cuda.Stream:
        # Neither it nor its context is ever closed: graphs may have been captured on it.
        stream = _ask(driver.cuGreenCtxStreamCreate(context, non_blocking, priority))
        return torch.cuda.ExternalStream(int(stream), device)

    openers = partial(open_stream, contexts[0], _FIRST), partial(open_stream, contexts[1], 0)
    for opener in openers:
        opener()  # a driver that makes contexts may know no streams of theirs
    log.info("card_split", sound=group.sm.smCount, t3=rest.sm.smCount)
    return openers


def _ask(answer: tuple[Any, ...]) -> Any:
    """Return what a call of the driver returned beside its error.

    Raises: RuntimeError for an error.
    """
    error, *values = answer
    if int(error) != 0:
        raise RuntimeError(f"the driver refused: {error!r}")
    return values[0] if len(values) == 1 else values
