"""Inside the engine's process: reads the worker's requests, has them done and sends the answers."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from queue import Empty, Queue
from typing import Any

import structlog

from narration.errors import EngineDied
from worker.engine.types import Speech, SpeechEngine, Utterance
from worker.engine_process.messages import (
    Answer,
    Call,
    Cancel,
    Close,
    Function,
    RecentVoices,
    Reply,
    Request,
    Speak,
    portable,
    receive,
    send,
)

CHECK_S = 1.0  # how often to check whether an idle engine is alive
LAST_ANSWERS_S = 2.0  # for the answers that say why the engine died
EXIT_BROKEN = 70  # EX_SOFTWARE

log = structlog.get_logger(__name__)


class Mailbox:
    """The pipe to the worker, with a thread that reads and one that writes.

    When the worker is gone, the process ends at once, whatever it does.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        # No SimpleQueue: in CPython 3.11 its `get` may wait for ever if it wakes after its timeout.
        self._requests: Queue[Request] = Queue()
        self._replies: Queue[Reply | None] = Queue()
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        self._writer = threading.Thread(target=self._write, name="replies", daemon=True)
        self._writer.start()

    def next_request(self, timeout_s: float) -> Request | None:
        """Wait for a request; None if there is none for so long."""
        try:
            return self._requests.get(timeout=timeout_s)
        except Empty:
            return None

    def reply(self, message: Reply) -> None:
        """Have a reply sent; the engine's threads need not wait for that."""
        self._replies.put(message)

    def close(self) -> None:
        """Return once everything was sent."""
        self._replies.put(None)
        self._writer.join()

    def _read(self) -> None:
        try:
            while True:
                self._requests.put(receive(self._pipe))
        except (EOFError, OSError):
            os._exit(0)  # the worker has ended
        except BaseException:
            log.exception("engine_request_unread")
            os._exit(EXIT_BROKEN)

    def _write(self) -> None:
        try:
            while (message := self._replies.get()) is not None:
                send(self._pipe, message)
        except OSError:
            pass  # the worker has ended: so does the reading thread
        except BaseException:
            log.exception("engine_answer_unsent")
            os._exit(EXIT_BROKEN)


def serve(
    mailbox: Mailbox, engine: SpeechEngine, functions: dict[Function, Callable[..., Any]]
) -> bool:
    """Speak until the worker asks for the end; return False if the engine died first."""
    server = _Server(mailbox, engine, functions)
    while engine.is_alive():
        request = mailbox.next_request(CHECK_S)
        if isinstance(request, Close):
            return True
        if request is not None:
            server.handle(request)
    server.wait_until_answered(LAST_ANSWERS_S)
    return False


class _Server:
    def __init__(
        self, mailbox: Mailbox, engine: SpeechEngine, functions: dict[Function, Callable[..., Any]]
    ) -> None:
        self._mailbox = mailbox
        self._engine = engine
        self._functions = functions
        self._voices = RecentVoices()
        self._speaking: dict[int, Future[Speech]] = {}
        # One thread: recordings are prepared one after the other, beside the engine.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="voices")

    def handle(self, request: Request) -> None:
        """Begin what a request asks for; the answer follows."""
        if isinstance(request, Speak):
            self._speak(request)
        elif isinstance(request, Cancel):
            if (future := self._speaking.get(request.number)) is not None:
                future.cancel()
        elif isinstance(request, Call):
            self._pool.submit(self._call, request)

    def wait_until_answered(self, timeout_s: float) -> None:
        """Return once every utterance was answered, or after so long."""
        ends_at = time.monotonic() + timeout_s
        while self._speaking and time.monotonic() < ends_at:
            time.sleep(0.01)

    def _speak(self, request: Speak) -> None:
        try:
            utterance = Utterance(
                text=request.text,
                voice=self._voices.use(request.digest, request.voice),
                delivery=request.delivery,
                seed=request.seed,
                turn=request.turn,
            )
            future = self._engine.submit(utterance)
        except EngineDied:
            return  # the answers to those under way say why; the end of the process fails this one
        except Exception as error:  # noqa: BLE001 - the caller must get any error
            self._mailbox.reply(Answer(number=request.number, error=portable(error)))
            return
        self._speaking[request.number] = future
        future.add_done_callback(lambda done: self._spoken(request.number, done, utterance.steps))

    def _spoken(self, number: int, done: Future[Speech], steps: dict[str, float]) -> None:
        if not done.cancelled():  # then nobody waits for the answer
            error = done.exception()
            cause = getattr(error, "__cause__", None)
            self._mailbox.reply(
                Answer(
                    number=number,
                    result=done.result() if error is None else None,
                    error=None if error is None else portable(error),
                    cause=cause if isinstance(cause, OSError) else None,
                    steps=dict(steps),
                )
            )
        self._speaking.pop(number, None)

    def _call(self, request: Call) -> None:
        try:
            result = self._functions[request.function](*request.arguments)
            answer = Answer(number=request.number, result=result)
        except Exception as error:  # noqa: BLE001 - the caller must get any error
            answer = Answer(number=request.number, error=portable(error))
        self._mailbox.reply(answer)
