"""Which GPU a worker takes: one that no other worker of this machine has.

Workers of one machine share a data directory; a lock in it says that a card is taken, and the
kernel releases it with the process, however that ends. Knows nothing of torch: which card CUDA sees
has to be settled before torch asks.
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
_taken: list[IO[str]] = []  # for the life of the process: closing the file gives the card back


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A GPU of this machine."""

    index: str
    uuid: str


def take_card(cards: str | None, folder: Path, health: Health) -> None:
    """Take a free card of those the settings name, and let CUDA see no other; wait if none is free.

    Does nothing on a machine without cards, or if CUDA_VISIBLE_DEVICES has chosen already.
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
                health.await_part("card", None)
                trouble.clear()
                log.info("card_taken", index=card.index, uuid=card.uuid)
                return
        names = ", ".join(card.index for card in choice)
        reason = f"every card ({names}) has its worker: run fewer workers, or choose more cards"
        health.await_part("card", reason)
        trouble.note(reason)
        time.sleep(POLL_S)


def choose(cards: str | None, present: list[Card]) -> list[Card]:
    """Return the cards that are named, by index or UUID; all of them if none are.

    Raises: SettingsError naming those that are not there.
    """
    if cards is None:
        return present
    known = {card.index: card for card in present} | {card.uuid: card for card in present}
    names = [name.strip() for name in cards.split(",") if name.strip()]
    missing = [name for name in names if name not in known]
    if missing:
        there = ", ".join(card.index for card in present) or "none"
        raise SettingsError(
            f"RHAPSODE_MODEL__CARDS names {', '.join(missing)}, which is not there: "
            f"this machine has {there}"
        )
    return [known[name] for name in names]


def list_cards() -> list[Card]:
    """Ask the driver which cards this process may use; none where there is no driver."""
    if shutil.which(QUERY[0]) is None:
        return []
    asked = subprocess.run(  # noqa: S603 - a constant
        QUERY, capture_output=True, text=True, check=False, timeout=QUERY_TIMEOUT_S
    )
    if asked.returncode != 0:
        log.warning("cards_unknown", reason=(asked.stdout + asked.stderr).strip())
        return []
    rows = (line.split(",") for line in asked.stdout.splitlines() if line.strip())
    return [Card(index=index.strip(), uuid=uuid.strip()) for index, uuid in rows]


def _lock(path: Path) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    _taken.append(file)
    return True
