"""The engine's process: `python -m worker.engine_main DESCRIPTOR`, started by its worker.

docs/decisions/0032-the-engine-of-a-gpu-has-its-own-process.md says why there is one.
"""

import os
import signal
import sys
from multiprocessing.connection import Connection

from narration import telemetry
from narration.memory import share_heaps, spare_garbage_collector
from worker.engine_process.messages import Function, Loaded, NotLoaded, Start, portable, receive
from worker.engine_process.server import EXIT_BROKEN, Mailbox, serve
from worker.model import engine_options, open_model
from worker.process import LoadedModel


def main(descriptor: int) -> None:
    """Load the model that the first message names, speak, and end the process."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the worker finishes its work first
    share_heaps()
    os.set_inheritable(descriptor, False)  # a child that had it would hide our end from the worker
    pipe = Connection(descriptor)
    try:
        start: Start = receive(pipe)
    except (EOFError, OSError):
        return  # the worker ended before it said which model
    telemetry.set_up_logging(start.telemetry)
    mailbox = Mailbox(pipe)
    try:
        model = _load(mailbox, start)
    except Exception as error:  # noqa: BLE001 - the worker must get any error
        mailbox.reply(NotLoaded(error=portable(error)))
        is_over = True
    else:
        maker = model.voice_maker
        is_over = serve(
            mailbox,
            model.engine,
            {Function.MAKE_VOICE: maker.make, Function.COMPARE: maker.compare},
        )
    mailbox.close()
    # Not `sys.exit`: threads of the engine may wait for a device that does not answer.
    os._exit(0 if is_over else EXIT_BROKEN)


def _load(mailbox: Mailbox, start: Start) -> LoadedModel:
    options = engine_options(start.model, start.cache_folder)
    # The worker's Admission lets utterances in.
    model = open_model(start.folder, start.model, options, first=options.queue_limit)
    spare_garbage_collector()
    mailbox.reply(
        Loaded(
            identity=model.identity,
            target_concurrency=model.target_concurrency,
            queue_limit=options.queue_limit,
            voices=dict(model.bundled),
        )
    )
    return model


if __name__ == "__main__":
    main(int(sys.argv[1]))
