"""One worker process as a whole: its resources, its task handlers, and its shutdown.

The same worker runs behind Celery and inside `rhapsode serve` and `render`.
"""

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Engine

from narration import workers
from narration.broker.interface import Broker, Handler, Queue, Task
from narration.clock import Clock, utc_now
from narration.demonstration import IN_THE_SERVICE, is_speaking
from narration.engine import EngineIdentity
from narration.errors import DatabaseUnavailable
from narration.health import Health
from narration.settings import S3Profile, Settings
from narration.storage.profiles import Stores
from narration.workers import WorkerEngine, WorkerState
from worker.assembly.encoding_loop import EncodingLoop
from worker.assembly.part_encoders import PartEncoders
from worker.assembly.part_reuse import PartReuse
from worker.context import WorkerContext
from worker.engine.types import Delivery, SpeechEngine, Utterance
from worker.leases import LeaseKeeper
from worker.rendering.checkpoint_writer import CheckpointWriter
from worker.rendering.places import BEGINNINGS, LEAST_SLOTS, Places, slots_for
from worker.rendering.runner import SegmentRunner
from worker.rendering.take_pool import TakePool, make_take_pool
from worker.rendering.urgent_calls import UrgentCalls
from worker.rendering.voice_cache import VoiceCache
from worker.rendering.voice_levels import VoiceLevels
from worker.scratch import Scratch
from worker.tasks import answer_call, cpu_tasks, gpu_tasks
from worker.voice_preparation import VoiceMaker
from worker.webhooks.runner import WebhookRunner
from worker.webhooks.sender import Sender

if TYPE_CHECKING:
    from worker.chatterbox.voice import Voice

log = structlog.get_logger(__name__)

EXIT_ENGINE_DIED = 70  # EX_SOFTWARE: the supervisor starts another process
WARM_UP_TEXT = "This sentence is spoken once, so that the first listener does not wait."
WARM_UP_TIMEOUT_S = 1800.0  # compiling kernels for the first time takes minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A loaded model: its engine and identity, its voices, and how new ones are made.

    `target_concurrency`: how many chunks in flight keep the engine busy.
    """

    engine: SpeechEngine
    target_concurrency: int
    identity: EngineIdentity
    bundled: "Mapping[str, Voice]"
    load: "Callable[[Path], Voice]"
    voice_maker: VoiceMaker


URGENT_TASKS = 32  # for messages that say so; calls, which mostly do, have threads of their own
LoadModel = Callable[[Settings], LoadedModel]


class WorkerProcess:
    """A worker for some queues: open it, bind its handlers, drain it, close it."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Engine,
        stores: Stores,
        broker: Broker,
        queues: frozenset[Queue],
        load_model: LoadModel,
        health: Health | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.has_died = threading.Event()  # the engine cannot recover: end the process
        self._context = _make_context(settings, database, stores, broker, clock)
        self._health = health or Health()
        self._is_speaker = Queue.GPU in queues
        self._model: LoadedModel | None = None
        self._runner: SegmentRunner | None = None
        self._takes: TakePool | None = None
        self._checkpoints: CheckpointWriter | None = None
        self._webhooks: WebhookRunner | None = None
        self._encoding: EncodingLoop | None = None
        self._calls: UrgentCalls | None = None
        self._state = WorkerState.WARMING
        self.encoders = self._context.encoder_count
        # How many tasks run at once: enough for all encoders, and to plan jobs beside them.
        self.slots = settings.worker.slots or max(LEAST_SLOTS, self.encoders + 2)
        self.handlers: dict[Task, Handler] = {}
        self._register()
        if Queue.CPU in queues:
            self._webhooks = _make_webhooks(self._context, settings)
            self._encoding = EncodingLoop(self._context.encoder_count)
            self.handlers |= cpu_tasks(self._context, self._webhooks, self._encoding)
        if Queue.GPU in queues:
            self._takes = make_take_pool(settings, stores.work)  # starts while the model loads
            try:
                self._warm_up(settings, load_model, self._takes)
            except BaseException:
                self._takes.close()
                raise
        self._state = WorkerState.READY
        self._report()

    @property
    def identity(self) -> EngineIdentity:
        """The engine of this worker; only a worker with the gpu queue has one."""
        assert self._model is not None
        return self._model.identity

    @property
    def threads(self) -> int:
        """How many tasks run at once: the slots, and some for new jobs and urgent segments."""
        more = BEGINNINGS + min(URGENT_TASKS, self._context.settings.urgent_slots)
        return self.slots + (more if self._is_speaker else 0)

    def answer_calls(self) -> None:
        """Begin to hear that somebody waits for a sound; a worker that does not speak has none."""
        threads = self._context.settings.urgent_slots
        if self._runner is not None and threads:
            speak_next = partial(answer_call, self._runner, self.has_died)
            self._calls = UrgentCalls(
                self._context.broker,
                speak_next,
                lambda: self._runner is None or self._runner.is_draining,
                threads=threads,
            )

    def drain(self) -> None:
        """Take no more work; finish or hand back the current work within the grace period."""
        self._state = WorkerState.DRAINING
        self._health.set_ready(is_ready=False)
        if self._runner is not None:
            self._runner.drain()
        if self._webhooks is not None:
            self._webhooks.drain()
        if self._encoding is not None:
            self._encoding.drain()

    def close(self) -> None:
        """Free everything; call it once no handler is running."""
        if self._calls is not None:
            self._calls.close()
        if self._checkpoints is not None:
            self._checkpoints.close()
        if self._takes is not None:
            self._takes.close()
        if self._webhooks is not None:
            self._webhooks.close()
        self._context.leases.close()
        self._context.scratch.close()
        self._context.encoders.close()
        if self._model is not None:
            self._model.engine.close()
        # If the database is away, the row stays and is ignored once its heartbeats are late.
        with suppress(DatabaseUnavailable), self._context.session() as session:
            workers.unregister(session, self._context.holder)

    def _register(self) -> None:
        context = self._context
        slots = self.slots if self._is_speaker else 0
        with context.session() as session:
            workers.register(session, context.holder, slots=slots, now=context.clock())
        context.leases.on_beat(self._report)
        context.leases.on_beat(context.scratch.drop_old)

    def _warm_up(self, settings: Settings, load_model: LoadModel, takes: TakePool) -> None:
        """Load the model and speak once; only then is the worker ready."""
        context = self._context
        # Only the last part of a path, because anybody may read what a worker waits for.
        with self._awaiting("engine", f"loading {Path(settings.model.checkpoint).name}"):
            model = load_model(settings)
        self._model = model
        self.slots = settings.worker.slots or slots_for(model.target_concurrency, context.settings)
        voice_cache = VoiceCache(bundled=model.bundled, load=model.load, store=context.stores.work)
        voice_levels = VoiceLevels(context, model.engine, model.identity)
        if settings.worker.is_warmed_up:
            with self._awaiting("engine", "warming up"):
                _speak_and_measure(model, voice_levels)
        self._checkpoints = CheckpointWriter(context.database, context.leases.until, context.clock)
        self._runner = SegmentRunner(
            context,
            model.engine,
            model.identity,
            voice_cache,
            voice_levels,
            takes=takes,
            checkpoints=self._checkpoints,
            places=Places(self.slots),
        )
        self.handlers |= gpu_tasks(
            context, self._runner, model.voice_maker, voice_levels, self.has_died
        )
        log.info("worker_warm", worker=context.holder, **model.identity.describe())
        if is_speaking([model.identity]):
            log.info("demonstration_voice", notice=IN_THE_SERVICE)

    @contextmanager
    def _awaiting(self, part: str, doing: str) -> Iterator[None]:
        """Report what the worker waits for, and before the process ends, why that failed."""
        try:
            with self._health.awaiting(part, doing):
                yield
        except BaseException:
            with suppress(DatabaseUnavailable):
                self._report()
            raise

    def _report(self) -> None:
        model = self._model
        if model is not None and not model.engine.is_alive():
            self.has_died.set()
        if self.has_died.is_set():
            self._state = WorkerState.DRAINING
            self._health.set_dead("the engine died: the next process starts another")
        engine = None
        if model is not None:
            engine = WorkerEngine(
                identity=model.identity,
                voices={name: voice.digest for name, voice in model.bundled.items()},
                speech_rate=self._runner.pace.rate if self._runner else None,
            )
        with self._context.session() as session:
            workers.report(
                session,
                self._context.holder,
                state=self._state,
                slots=self.slots if self._is_speaker else 0,
                now=self._context.clock(),
                engine=engine,
                awaits=self._health.report().public_awaits or None,
            )


def _speak_and_measure(model: LoadedModel, voice_levels: VoiceLevels) -> None:
    """Speak with the default voice, and measure its level if it has none yet.

    Others are measured when they are first used: on a CPU each takes some ten seconds.
    """
    voice = next(iter(model.bundled.values()), None)
    if voice is None:
        return
    utterance = Utterance(text=WARM_UP_TEXT, voice=voice, delivery=Delivery(), seed=0)
    model.engine.submit(utterance).result(timeout=WARM_UP_TIMEOUT_S)
    voice_levels.find("", voice)


def _make_webhooks(context: WorkerContext, settings: Settings) -> WebhookRunner:
    sender = Sender(settings.webhooks, context.clock)
    return WebhookRunner(context, sender, settings.webhooks)


def _make_context(
    settings: Settings, database: Engine, stores: Stores, broker: Broker, clock: Clock
) -> WorkerContext:
    # The random part tells a restarted container from its predecessor on the same host.
    holder = f"{socket.gethostname()[: workers.HOST_LENGTH]}-{os.getpid()}-{secrets.token_hex(4)}"
    leases = LeaseKeeper(
        database,
        lease_s=settings.worker.lease_s,
        heartbeat_s=settings.worker.heartbeat_s,
        clock=clock,
    )
    profile = settings.storage.profiles[settings.storage.work_profile]
    return WorkerContext(
        holder=holder,
        database=database,
        stores=stores,
        broker=broker,
        leases=leases,
        scratch=Scratch(
            settings.worker.scratch_gb,
            settings.worker.scratch_dir,
            is_keeping=isinstance(profile, S3Profile),
        ),
        settings=settings.worker,
        limits=settings.limits,
        encoders=PartEncoders(settings, stores.work),
        part_reuse=PartReuse(),
        clock=clock,
    )
