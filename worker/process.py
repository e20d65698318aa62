"""One worker process as a whole: what it opened, what it does on a wake-up, and its end.

The same station stands behind Celery and inside `rhapsode serve` and `render`.
"""

import math
import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Engine

from narration import workers
from narration.broker.interface import Broker, Handler, Queue, Task
from narration.clock import Clock, utc_now
from narration.errors import DatabaseUnavailable
from narration.settings import Settings, WorkerSettings
from narration.storage.profiles import Stores
from narration.workers import WorkerState
from worker.context import Workplace
from worker.engine.types import Delivery, SpeechEngine, Utterance
from worker.leases import LeaseKeeper
from worker.rendering.identity import EngineIdentity
from worker.rendering.runner import Narrator
from worker.rendering.voice_cache import VoiceShelf
from worker.tasks import cpu_tasks, gpu_tasks
from worker.voice_preparation import Voicing

if TYPE_CHECKING:
    from pathlib import Path

    from worker.chatterbox.voice import Voice

log = structlog.get_logger(__name__)

LEAST_SLOTS = 4  # while one waits for its last chunk, others keep the engine busy
EXIT_ENGINE_DIED = 70  # EX_SOFTWARE: whatever supervises the process starts another
WARM_UP_TEXT = "This sentence is spoken once, so that the first listener does not wait."
WARM_UP_TIMEOUT_S = 1800.0  # compiling kernels for the first time takes minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """A loaded model: what speaks, which it is, its voices, and how new ones are made.

    `appetite`: so many chunks under way keep the engine busy.
    """

    engine: SpeechEngine
    appetite: int
    identity: EngineIdentity
    bundled: "Mapping[str, Voice]"
    load: "Callable[[Path], Voice]"
    voicing: Voicing


OpenSpeaker = Callable[[Settings], Speaker]


class Station:
    """A worker for some queues; open it, bind its handlers, drain it, close it."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Engine,
        stores: Stores,
        broker: Broker,
        queues: frozenset[Queue],
        open_speaker: OpenSpeaker,
        clock: Clock = utc_now,
    ) -> None:
        self.has_died = threading.Event()  # the engine will not speak again: end the process
        self._place = _workplace(settings, database, stores, broker, clock)
        self._speaker: Speaker | None = None
        self._narrator: Narrator | None = None
        self._state = WorkerState.WARMING
        self.slots = settings.worker.slots or LEAST_SLOTS  # tasks at once
        self.handlers: dict[Task, Handler] = {}
        if Queue.CPU in queues:
            self.handlers |= cpu_tasks(self._place)
        if Queue.GPU in queues:
            self._warm_up(settings, open_speaker)

    @property
    def identity(self) -> EngineIdentity:
        """Which engine speaks here; only a station with the gpu queue has one."""
        assert self._speaker is not None
        return self._speaker.identity

    def drain(self) -> None:
        """Take no more work; finish or hand back what there is within the grace period."""
        self._state = WorkerState.DRAINING
        if self._narrator is not None:
            self._narrator.drain()

    def close(self) -> None:
        """Free everything; call it when no handler runs any more."""
        self._place.leases.close()
        if self._speaker is not None:
            self._speaker.engine.close()
            # Without the database its row stays, and is not believed for long.
            with suppress(DatabaseUnavailable), self._place.session() as session:
                workers.unregister(session, self._place.holder)

    def _warm_up(self, settings: Settings, open_speaker: OpenSpeaker) -> None:
        """Load the model and speak once; only then is the worker ready."""
        place = self._place
        with place.session() as session:
            workers.register(session, place.holder, slots=self.slots, now=place.clock())
        place.leases.on_beat(self._report)
        speaker = open_speaker(settings)
        self._speaker = speaker
        self.slots = settings.worker.slots or slots_for(speaker.appetite, place.settings)
        if settings.worker.is_warmed_up:
            _speak_once(speaker)
        shelf = VoiceShelf(bundled=speaker.bundled, load=speaker.load, store=place.stores.work)
        self._narrator = Narrator(place, speaker.engine, speaker.identity, shelf)
        self.handlers |= gpu_tasks(place, self._narrator, speaker.voicing, self.has_died)
        self._state = WorkerState.READY
        self._report()
        log.info("worker_ready", worker=place.holder, **speaker.identity.describe())

    def _report(self) -> None:
        speaker = self._speaker
        if speaker is not None and not speaker.engine.is_alive():
            self.has_died.set()
        if self.has_died.is_set():
            self._state = WorkerState.DRAINING
        engine = None
        if speaker is not None:
            engine = {**speaker.identity.describe(), "voices": sorted(speaker.bundled)}
        with self._place.session() as session:
            workers.report(
                session,
                self._place.holder,
                state=self._state,
                slots=self.slots,
                now=self._place.clock(),
                engine=engine,
            )


def slots_for(appetite: int, settings: WorkerSettings) -> int:
    """Choose how many segments at once keep an engine busy.

    A segment's chunks go to the engine together, and the next segment is claimed once the last of
    them is done: on average a third of them are done already.
    """
    return max(LEAST_SLOTS, math.ceil(1.5 * appetite / settings.segment_chunks))


def _speak_once(speaker: Speaker) -> None:
    voice = next(iter(speaker.bundled.values()), None)
    if voice is None:
        return
    utterance = Utterance(text=WARM_UP_TEXT, voice=voice, delivery=Delivery(), seed=0)
    speaker.engine.submit(utterance).result(timeout=WARM_UP_TIMEOUT_S)


def _workplace(
    settings: Settings, database: Engine, stores: Stores, broker: Broker, clock: Clock
) -> Workplace:
    # The random part tells a restarted container from the one before it on the same host.
    holder = f"{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"
    leases = LeaseKeeper(
        database,
        lease_s=settings.worker.lease_s,
        heartbeat_s=settings.worker.heartbeat_s,
        clock=clock,
    )
    return Workplace(
        holder=holder,
        database=database,
        stores=stores,
        broker=broker,
        leases=leases,
        settings=settings.worker,
        limits=settings.limits,
        clock=clock,
    )
