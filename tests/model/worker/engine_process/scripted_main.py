"""An engine's process whose engine does what its texts say: `python -m ... DESCRIPTOR`."""

import errno
import os
import sys
import threading
from concurrent.futures import Future
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from narration.errors import EngineDied
from tests.fakes import TONE
from tests.model.worker.engine.fakes import toy_voice
from worker.engine.types import Speech, Utterance
from worker.engine_process.messages import Loaded, receive
from worker.engine_process.server import EXIT_BROKEN, Mailbox, serve

LIMIT = 1
TOO_MANY = 3  # the exit code if more utterances come at once


class ScriptedEngine:
    """Speaks silence, unless the text says otherwise."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._is_alive = True
        self._latest: Future[Any] = Future()
        self._latest.cancel()

    def submit(self, utterance: Utterance) -> Future[Speech]:
        if not self._latest.done():
            os._exit(TOO_MANY)
        self._latest = future = Future()
        result: Any = Speech(
            tokens=np.zeros(1, np.int64),
            waveform=np.zeros(960, np.float32),
            is_truncated=False,
            is_watermarked=False,
        )
        match utterance.text:
            case "wait":
                return future
            case "bug":
                future.cancel()
                raise KeyError("a bug")
            case "unsendable":
                result = lambda: None  # noqa: E731 - it cannot be pickled
            case "unreadable":
                self._pipe.send_bytes(b"no pickle")
            case "die":  # once it is idle
                threading.Timer(0.2, self.close).start()
            case "full":
                error = EngineDied("the stage broke")
                error.__cause__ = OSError(errno.ENOSPC, "no space left")
                future.set_exception(error)
                return future
            case "break":
                self._is_alive = False
                threading.Timer(0.2, future.set_exception, [EngineDied("the stage broke")]).start()
                return future
        future.set_result(result)
        return future

    def is_alive(self) -> bool:
        return self._is_alive

    def close(self) -> None:
        self._is_alive = False


def main(descriptor: int, *_: int) -> None:
    pipe = Connection(descriptor)
    receive(pipe)
    mailbox = Mailbox(pipe)
    mailbox.reply(
        Loaded(
            identity=TONE,
            target_concurrency=1,
            queue_limit=LIMIT,
            voices={"default": toy_voice()},
        )
    )
    is_over = serve(mailbox, ScriptedEngine(pipe), {})
    mailbox.close()
    os._exit(0 if is_over else EXIT_BROKEN)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
