"""The engine as its worker sees it: a SpeechEngine in another process."""

import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Queue
from typing import Any

import structlog

from narration.errors import EngineDied
from narration.sound.waveform import Waveform
from worker.chatterbox.voice import Voice
from worker.engine.admission import Admission
from worker.engine.stage import fail, succeed
from worker.engine.types import Speech, Turn, Utterance
from worker.engine_process.messages import (
    Answer,
    Call,
    Cancel,
    Close,
    Function,
    Loaded,
    NotLoaded,
    RecentVoices,
    Speak,
    Start,
    packed,
    receive,
    send,
)

ENTRY = "worker.engine_main"  # the module that the process runs
EXIT_S = 5.0  # a process that has nothing left to do ends sooner

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pending:
    future: Future[Any]
    steps: dict[str, float] = field(default_factory=dict)


class EngineClient:
    """A SpeechEngine in another process; if that ends, all utterances and calls get EngineDied.

    Callbacks of the futures run on the thread that receives: they must be short.
    """

    def __init__(self, process: subprocess.Popen[bytes], pipe: Connection, limit: int) -> None:
        """`limit`: how many utterances the process takes at once."""
        self._process = process
        self._pipe = pipe
        self._admission = Admission(limit)
        self._voices = RecentVoices()
        self._numbers = count()
        self._pending: dict[int, _Pending] = {}
        self._guard = threading.Lock()
        self._outbox: Queue[bytes | None] = Queue()
        self._outbox_lock = threading.Lock()
        self._died: EngineDied | None = None
        self._is_closing = False
        self._threads = [
            threading.Thread(target=self._read, name="engine answers", daemon=True),
            threading.Thread(target=self._write, name="engine requests", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def submit(self, utterance: Utterance) -> Future[Speech]:
        """Queue one utterance, waiting while the engine is full.

        Raises: EngineDied if the engine is closed or dead.
        """
        self._admission.enter(self.is_alive, utterance.turn)
        future: Future[Speech] = Future()
        try:
            number = self._add(future, utterance.steps)
            self._speak(number, utterance)
        except BaseException:
            self._admission.leave(utterance.turn)
            raise
        future.add_done_callback(partial(self._leave, number, utterance.turn))
        return future

    def is_alive(self) -> bool:
        """Return whether the process still speaks."""
        return self._died is None

    def close(self) -> None:
        """Finish the utterances in flight, however long they take; then end the process.

        That frees the model.
        """
        self._admission.close()
        self._admission.wait_empty()
        self._is_closing = True
        self._outbox.put(packed(Close()))
        try:
            self._process.wait(EXIT_S)
        except subprocess.TimeoutExpired:
            _kill(self._process)
        for thread in self._threads:
            thread.join(EXIT_S)
        if not any(thread.is_alive() for thread in self._threads):
            self._pipe.close()

    def make_voice(self, recording: Path) -> Voice:
        """Make a voice from a recording; see VoiceMaker.

        Raises: EngineDied, or what making it raises.
        """
        voice: Voice = self._call(Function.MAKE_VOICE, recording)
        return voice

    def compare(self, voice: Voice, waveform: Waveform) -> float:
        """Compare a waveform with a voice; see VoiceMaker.

        Raises: EngineDied, or what comparing raises.
        """
        similarity: float = self._call(Function.COMPARE, voice, waveform)
        return similarity

    def _call(self, function: Function, *arguments: Any) -> Any:
        future: Future[Any] = Future()
        number = self._add(future)
        self._request(number, Call(number=number, function=function, arguments=arguments))
        return future.result()

    def _add(self, future: Future[Any], steps: dict[str, float] | None = None) -> int:
        with self._guard:
            if self._died is not None:
                raise self._died
            number = next(self._numbers)
            self._pending[number] = _Pending(future=future, steps={} if steps is None else steps)
        return number

    def _speak(self, number: int, utterance: Utterance) -> None:
        voice = utterance.voice
        with self._outbox_lock:  # the other end must learn of voices in the same order
            message = Speak(
                number=number,
                text=utterance.text,
                digest=voice.digest,
                voice=None if voice.digest in self._voices else voice,
                delivery=utterance.delivery,
                seed=utterance.seed,
                turn=utterance.turn,
            )
            self._request(number, message)
            self._voices.use(voice.digest, voice)

    def _leave(self, number: int, turn: Turn, done: Future[Speech]) -> None:
        # Cancelled before its place is free: the other end must never be full.
        if done.cancelled():
            self._cancel(number)
        self._admission.leave(turn)

    def _cancel(self, number: int) -> None:
        with self._guard:
            is_pending = self._pending.pop(number, None) is not None
        if is_pending:
            self._outbox.put(packed(Cancel(number=number)))

    def _request(self, number: int, message: Speak | Call) -> None:
        """Queue a message that will be answered; no caller waits for a process that does not read.

        Raises: whatever keeps the message from being pickled; then nothing is awaited.
        """
        try:
            self._outbox.put(packed(message))
        except BaseException:
            with self._guard:
                self._pending.pop(number, None)
            raise

    def _write(self) -> None:
        with suppress(OSError):  # it is gone: the reading thread fails what is under way
            while (message := self._outbox.get()) is not None:
                self._pipe.send_bytes(message)

    def _read(self) -> None:
        try:
            while True:
                self._receive(receive(self._pipe))
        except (EOFError, OSError):
            pass  # the process has ended
        except Exception:
            log.exception("engine_answer_unread")
            self._process.kill()
        finally:  # whatever ended this thread, nobody may wait for it
            self._end(EngineDied(f"the engine's process {how_it_ended(self._process)}"))

    def _receive(self, answer: Answer) -> None:
        if answer.error is not None:
            answer.error.__cause__ = answer.cause
        if isinstance(answer.error, EngineDied):
            self._end(answer.error)
        with self._guard:
            pending = self._pending.pop(answer.number, None)
        if pending is None:
            return  # cancelled meanwhile
        pending.steps.update(answer.steps)
        if answer.error is not None:
            fail(pending.future, answer.error)
        else:
            succeed(pending.future, answer.result)

    def _end(self, error: EngineDied) -> None:
        with self._guard:
            if self._died is None and not self._is_closing:
                log.error("engine_died", reason=str(error))
            self._died = self._died or error
            pending, self._pending = list(self._pending.values()), {}
        self._admission.close()
        self._outbox.put(None)  # the writing thread ends
        for one in pending:
            fail(one.future, self._died)


def start_engine(start: Start, kept_open: Sequence[int] = ()) -> tuple[EngineClient, Loaded]:
    """Start a process, have it load a model, and return once it can speak.

    `kept_open`: file descriptors that the process inherits, so that they stay open until it ends.
    Raises: what loading raises; EngineDied if the process ends before it can speak.
    """
    here, there = Pipe()
    try:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            # -P: without it, modules in the current folder would replace ours.
            [sys.executable, "-P", "-m", ENTRY, str(there.fileno()), *map(str, kept_open)],
            stdin=subprocess.DEVNULL,
            pass_fds=[there.fileno(), *kept_open],
            process_group=0,  # Ctrl-C in a terminal is for the worker
        )
    finally:
        there.close()
    try:
        loaded = _load(process, here, start)
    except BaseException:
        here.close()
        _kill(process)
        raise
    return EngineClient(process, here, loaded.queue_limit), loaded


def _load(process: subprocess.Popen[bytes], pipe: Connection, start: Start) -> Loaded:
    try:
        send(pipe, start)
        reply: Loaded | NotLoaded = receive(pipe)
    except (EOFError, OSError) as error:
        raise EngineDied(
            f"the engine's process {how_it_ended(process)} while it loaded the model: "
            "the lines before this one say why"
        ) from error
    if isinstance(reply, NotLoaded):
        raise reply.error
    return reply


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with suppress(subprocess.TimeoutExpired):  # a driver may hold it: it ends later
        process.wait(EXIT_S)


def how_it_ended(process: subprocess.Popen[bytes]) -> str:
    """Say how a process ended whose pipe is closed."""
    try:
        code = process.wait(EXIT_S)
    except subprocess.TimeoutExpired:
        return "does not answer"
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
