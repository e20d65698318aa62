"""Checks periodically whether the service's dependencies answer, and since when they do not."""

import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sqlalchemy import Engine

from narration.broker.interface import Broker
from narration.database import check_database
from narration.errors import DiskFull, InputError, TransientError
from narration.storage.profiles import Stores
from narration.telemetry import DEPENDENCY_UP, TroubleLog

ASK_EVERY_S = 15.0
LEAST_FREE_BYTES = 4 << 20  # space for some chunks of speech and the transactions that record them
PROBE_PREFIX = "readiness"  # objects there are deleted again

log = structlog.get_logger(__name__)


def check_store(stores: Stores) -> None:
    """Write and delete a small object: a full store still answers reads.

    Raises: StorageUnavailable, OutputError.
    """
    stores.work.check_writable(PROBE_PREFIX)


def check_room(folder: Path) -> None:
    """Check that a disk has free space: on a full one not even a failure could be recorded.

    Raises: DiskFull.
    """
    if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
        raise DiskFull(f"the disk of {folder} is full: free some space")


@dataclass(slots=True)
class DependencyWatch:
    """Runs the checks on separate threads, since a dependency that is down may block them."""

    database: Engine
    broker: Broker
    stores: Stores
    _reasons: dict[str, str] = field(default_factory=dict)

    def run(self, stop: threading.Event) -> None:
        """Start checking until `stop` is set; return immediately."""
        checks: Mapping[str, Callable[[], None]] = {
            "database": lambda: check_database(self.database),
            "broker": self.broker.check,
            "store": lambda: check_store(self.stores),
        }
        for name, check in checks.items():
            threading.Thread(
                target=self._watch, args=(name, check, stop), name=name, daemon=True
            ).start()

    def reason(self, name: str) -> str | None:
        """Return why a dependency does not answer; None if it does."""
        return self._reasons.get(name)

    def _watch(self, name: str, check: Callable[[], None], stop: threading.Event) -> None:
        trouble = TroubleLog(f"{name}_away")
        while not stop.is_set():
            self.check(name, check, trouble)
            stop.wait(ASK_EVERY_S)

    def check(self, name: str, check: Callable[[], None], trouble: TroubleLog) -> None:
        """Run one check, and record the result."""
        try:
            check()
        except (TransientError, InputError) as error:  # InputError: keys that were refused
            self._reasons[name] = str(error)
            trouble.note(str(error))
        except Exception as error:
            log.exception("check_crashed", dependency=name)
            self._reasons[name] = type(error).__name__
        else:
            self._reasons.pop(name, None)
            trouble.clear()
        DEPENDENCY_UP.labels(dependency=name).set(0 if name in self._reasons else 1)
