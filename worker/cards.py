"""Chooses a worker's GPU: one that no other worker of this machine uses.

Workers of one machine share a data directory. A lock file in it marks a card as taken. The kernel
releases the lock when the worker and the engine's process, which inherits it, have both ended,
however they end.

Does not import torch: the card that CUDA sees must be set before torch initialises it.
"""

import fcntl
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import structlog

from narration.errors import SettingsError
from narration.health import Health
from narration.settings import is_card_chosen, show_only_card
from narration.telemetry import TroubleLog

POLL_S = 2.0
QUERY = ("nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader")
QUERY_TIMEOUT_S = 30

log = structlog.get_logger(__name__)
_locks: list[IO[str]] = []  # kept open: closing a file would release its card


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A GPU of this machine."""

    index: str
    uuid: str


def take_card(cards: str | None, folder: Path, health: Health) -> None:
    """Take a free card among those of the settings, and hide the others from CUDA; wait for one.

    Does nothing on a machine without cards, or if CUDA_VISIBLE_DEVICES has chosen one already.
    Raises: SettingsError if the settings name a card that is not there.
    """
    if cards is None and is_card_chosen():
        return
    choice = choose(cards, list_cards())
    trouble = TroubleLog("card_awaited")
    while choice:
        for card in choice:
            if _lock(folder / f"{card.uuid}.lock"):
                show_only_card(card.index)
                health.await_component("card", None)
                trouble.clear()
                log.info("card_taken", index=card.index, uuid=card.uuid)
                return
        names = ", ".join(card.index for card in choice)
        reason = f"every card ({names}) has its worker: run fewer workers, or choose more cards"
        health.await_component("card", reason)
        trouble.note(reason)
        time.sleep(POLL_S)


def lock_descriptors() -> list[int]:
    """Return the descriptors of the locks that this process holds, for a child to inherit."""
    return [lock.fileno() for lock in _locks]


def choose(cards: str | None, present: list[Card]) -> list[Card]:
    """Return the cards that are named by index or UUID; all of them if none is named.

    Raises: SettingsError naming those that are not there.
    """
    if cards is None:
        return present
    by_name = {card.index: card for card in present} | {card.uuid: card for card in present}
    names = [name.strip() for name in cards.split(",") if name.strip()]
    missing = [name for name in names if name not in by_name]
    if missing:
        available = ", ".join(card.index for card in present) or "none"
        raise SettingsError(
            f"RHAPSODE_MODEL__CARDS names {', '.join(missing)}, which is not there: "
            f"this machine has {available}"
        )
    return [by_name[name] for name in names]


def list_cards() -> list[Card]:
    """Ask the driver which cards this process may use; return none if there is no driver."""
    if shutil.which(QUERY[0]) is None:
        return []
    query = subprocess.run(  # noqa: S603 - a constant
        QUERY, capture_output=True, text=True, check=False, timeout=QUERY_TIMEOUT_S
    )
    if query.returncode != 0:
        log.warning("cards_unknown", reason=(query.stdout + query.stderr).strip())
        return []
    rows = (line.split(",") for line in query.stdout.splitlines() if line.strip())
    return [Card(index=index.strip(), uuid=uuid.strip()) for index, uuid in rows]


def _lock(path: Path) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    _locks.append(file)
    return True
