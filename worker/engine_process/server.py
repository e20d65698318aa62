"""The process of an engine from inside: reads requests, and answers them as they are done."""

import os
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from typing import Any

from narration.errors import EngineDied, RhapsodeError, SpeechError
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
    receive,
    send,
)

CHECK_S = 1.0  # how often to check whether an idle engine is alive


class Mailbox:
    """The pipe to the worker: a thread reads from it and another writes to it.

    When the worker is gone, the process ends at once, whatever it does.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._requests: SimpleQueue[Request] = SimpleQueue()
        self._replies: SimpleQueue[Reply | None] = SimpleQueue()
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
        with suppress(EOFError, OSError):
            while True:
                self._requests.put(receive(self._pipe))
        os._exit(0)

    def _write(self) -> None:
        with suppress(OSError):  # the reading thread ends the process
            while (message := self._replies.get()) is not None:
                send(self._pipe, message)


def serve(
    mailbox: Mailbox, engine: SpeechEngine, functions: dict[Function, Callable[..., Any]]
) -> None:
    """Speak until the worker says that it is over, or until the engine dies."""
    server = _Server(mailbox, engine, functions)
    while True:
        request = mailbox.next_request(CHECK_S)
        if isinstance(request, Close) or not engine.is_alive():
            break
        if request is not None:
            server.handle(request)
    if engine.is_alive():
        engine.close()


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

    def _speak(self, request: Speak) -> None:
        voice = self._voices.use(request.digest, request.voice) or request.voice
        if voice is None:
            self._answer(Answer(number=request.number, error=_unknown_voice(request.digest)))
            return
        utterance = Utterance(
            text=request.text,
            voice=voice,
            delivery=request.delivery,
            seed=request.seed,
            turn=request.turn,
        )
        try:
            future = self._engine.submit(utterance)
        except EngineDied as error:
            self._answer(Answer(number=request.number, error=error))
            return
        self._speaking[request.number] = future
        future.add_done_callback(lambda done: self._spoken(request.number, done, utterance.steps))

    def _spoken(self, number: int, done: Future[Speech], steps: dict[str, float]) -> None:
        self._speaking.pop(number, None)
        if done.cancelled():
            return  # nobody waits for the answer
        error = done.exception()
        answer = Answer(number=number, steps=dict(steps))
        self._answer(
            replace(answer, result=done.result())
            if error is None
            else replace(answer, error=portable(error))
        )

    def _call(self, request: Call) -> None:
        answer = Answer(number=request.number)
        try:
            answer = replace(answer, result=self._functions[request.function](*request.arguments))
        except Exception as error:  # noqa: BLE001 - the caller must get any error
            answer = replace(answer, error=portable(error))
        self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        self._mailbox.reply(answer)


def portable(error: BaseException) -> Exception:
    """Return an error that can be sent: not every library's exceptions can be pickled."""
    if isinstance(error, RhapsodeError):
        return error
    return RuntimeError("".join(traceback.format_exception(error)))


def _unknown_voice(digest: str) -> SpeechError:
    return SpeechError(f"voice {digest[:12]} did not reach the engine's process")
