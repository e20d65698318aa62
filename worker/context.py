"""What every task works with; built once per process at its start and passed on."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from narration.api_settings import LimitSettings
from narration.backoff import backoff_s
from narration.broker.interface import Broker
from narration.clock import Clock, utc_now
from narration.database import session_scope
from narration.settings import WorkerSettings
from narration.storage.profiles import Stores
from worker.leases import LeaseKeeper
from worker.scratch import Scratch

if TYPE_CHECKING:
    from worker.assembly.part_encoders import PartEncoders
    from worker.assembly.part_reuse import PartReuse


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """One worker process: its name, its resources and its settings."""

    holder: str  # the name in its leases
    database: Engine
    stores: Stores
    broker: Broker
    leases: LeaseKeeper
    scratch: Scratch
    settings: WorkerSettings
    limits: LimitSettings
    encoders: "PartEncoders"
    part_reuse: "PartReuse"
    clock: Clock = utc_now

    @contextmanager
    def session(self, *, is_read_only: bool = False) -> Iterator[Session]:
        """Run one transaction."""
        with session_scope(self.database, is_read_only=is_read_only) as session:
            yield session

    @property
    def encoder_count(self) -> int:
        """How many parts may be encoded at once."""
        return self.settings.encoder_count or 1

    def retry_at(self, tries: int) -> datetime:
        """Return when a step that failed `tries` times may be tried again."""
        return self.clock() + timedelta(seconds=self.pause_s(tries))

    def pause_s(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row, in seconds."""
        return backoff_s(
            failures, first_s=self.settings.retry_s, longest_s=self.settings.retry_max_s
        )


class Drain:
    """Tells running work that the worker is stopping; starts once."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._ends_at = float("inf")

    def begin(self, grace_s: float) -> None:
        """Start the grace period; a second call does not prolong it."""
        if not self._event.is_set():
            self._ends_at = time.monotonic() + grace_s
            self._event.set()

    @property
    def is_begun(self) -> bool:
        """Whether no more work may be started."""
        return self._event.is_set()

    @property
    def is_over(self) -> bool:
        """Whether unfinished work must be handed back now."""
        return time.monotonic() > self._ends_at
