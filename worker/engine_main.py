"""The process of an engine: `python -m worker.engine_main DESCRIPTOR`, started by its worker.

docs/decisions/0032-nothing-runs-beside-the-engine.md says why it is a process of its own.
"""

import os
import signal
import sys
from multiprocessing.connection import Connection

from narration import telemetry
from narration.errors import RhapsodeError
from narration.memory import spare_garbage_collector
from worker.engine_process.messages import Answer, Function, Loaded, Start, receive
from worker.engine_process.server import Mailbox, serve
from worker.model import engine_options, open_model


def main(descriptor: int) -> None:
    """Load the model that the first message names, speak, and end the process."""
    # The worker handles the signals that a terminal sends to both; this process ends with it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    pipe = Connection(descriptor)
    try:
        start: Start = receive(pipe)
    except EOFError:
        return  # the worker ended before it said which model
    telemetry.set_up_logging(start.telemetry)
    mailbox = Mailbox(pipe)
    try:
        _load_and_serve(mailbox, start)
    except RhapsodeError as error:
        mailbox.reply(Answer(number=None, error=error))
    mailbox.close()
    os._exit(0)  # threads of the engine may wait for a device that does not answer


def _load_and_serve(mailbox: Mailbox, start: Start) -> None:
    options = engine_options(start.model, start.cache_folder)
    model = open_model(start.folder, start.model, options, is_gated=False)
    maker = model.voice_maker
    mailbox.reply(
        Loaded(
            identity=model.identity,
            target_concurrency=model.target_concurrency,
            queue_limit=options.queue_limit,
            voices=dict(model.bundled),
        )
    )
    spare_garbage_collector()
    serve(
        mailbox,
        model.engine,
        {Function.MAKE_VOICE: maker.make, Function.COMPARE: maker.compare},
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
