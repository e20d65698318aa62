"""How busy the cards, Postgres and the store are while jobs run."""

import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sqlalchemy import Engine, text

from narration.database import session_scope

_CARDS = ("nvidia-smi", "--query-gpu=index,utilization.gpu", "--format=csv,noheader,nounits",
          "--loop-ms=500")  # fmt: skip
_COUNTERS = (
    "SELECT xact_commit, tup_inserted, tup_updated FROM pg_stat_database"
    " WHERE datname = current_database()"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Averages over a stretch of time."""

    took_s: float
    cards_busy: dict[int, float]  # share of the time in which a kernel ran, by card
    commits_per_s: float
    rows_inserted_per_s: float
    rows_updated_per_s: float
    stored_mb_per_s: float

    def __str__(self) -> str:
        cards = " ".join(f"{card}: {busy:.0%}" for card, busy in sorted(self.cards_busy.items()))
        return (
            f"{self.took_s:.1f} s; cards busy {cards or '-'}; Postgres {self.commits_per_s:.0f}"
            f" commits, {self.rows_inserted_per_s:.0f} rows inserted,"
            f" {self.rows_updated_per_s:.0f} updated a second;"
            f" {self.stored_mb_per_s:.1f} MB a second to the store"
        )


@dataclass(slots=True)
class _CardSamples:
    shares: dict[int, list[float]] = field(default_factory=dict)

    def add(self, line: str) -> None:
        with suppress(ValueError):
            card, percent = line.split(",")
            self.shares.setdefault(int(card), []).append(float(percent) / 100)


class LoadMeter:
    """Samples the cards, and reads the counters of Postgres and the store's size at both ends."""

    def __init__(self, database: Engine, store: Path) -> None:
        self._database = database
        self._store = store
        self._samples = _CardSamples()
        self._watcher: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        with suppress(OSError):  # a machine without cards has no such program
            self._watcher = subprocess.Popen(_CARDS, stdout=subprocess.PIPE, text=True)
            threading.Thread(target=self._watch, daemon=True).start()
        self._began = time.monotonic()
        self._before = self._counters()
        return self

    def __exit__(self, *_: object) -> None:
        if self._watcher:
            self._watcher.terminate()
            self._watcher.wait()

    def load(self) -> Load:
        """Return the averages since the beginning."""
        took_s = time.monotonic() - self._began
        commits, inserted, updated, stored = (
            (now - before) / took_s
            for now, before in zip(self._counters(), self._before, strict=True)
        )
        return Load(
            took_s=took_s,
            cards_busy={
                card: sum(shares) / len(shares) for card, shares in self._samples.shares.items()
            },
            commits_per_s=commits,
            rows_inserted_per_s=inserted,
            rows_updated_per_s=updated,
            stored_mb_per_s=stored / 1e6,
        )

    def _counters(self) -> tuple[float, ...]:
        with session_scope(self._database, is_read_only=True) as session:
            counters = session.execute(text(_COUNTERS)).one()
        return (*map(float, counters), float(_size_bytes(self._store)))

    def _watch(self) -> None:
        assert self._watcher
        assert self._watcher.stdout
        for line in self._watcher.stdout:
            self._samples.add(line)


def _size_bytes(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # the store removes files meanwhile
            size += path.stat().st_blocks * 512
    return size
