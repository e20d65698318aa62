"""The engine's process: `python -m worker.engine_main PIPE [LOCK...]`, started by its worker.

The arguments are descriptors of open files.
docs/decisions/0032-the-engine-of-a-gpu-has-its-own-process.md says why there is such a process.
"""

import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.engine_process.messages import Start
    from worker.engine_process.server import Mailbox


def main(pipe: int, *locks: int) -> None:
    """Load the model that the first message names, speak, and end the process."""
    # First of all, because the imports below take seconds: the worker finishes its work first.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for descriptor in (pipe, *locks):
        # A child that inherited them would keep the pipe open for the worker, and the card locked.
        os.set_inheritable(descriptor, False)
    from multiprocessing.connection import Connection  # noqa: PLC0415

    import structlog  # noqa: PLC0415

    from narration.memory import share_heaps  # noqa: PLC0415
    from narration.telemetry import set_up_logging  # noqa: PLC0415
    from worker.engine_process.messages import receive  # noqa: PLC0415
    from worker.engine_process.server import EXIT_BROKEN, Mailbox  # noqa: PLC0415

    share_heaps()
    connection = Connection(pipe)
    try:
        start: Start = receive(connection)
    except (EOFError, OSError):
        return  # the worker ended before it said which model
    set_up_logging(start.telemetry)
    mailbox = Mailbox(connection)
    is_over = False
    try:
        is_over = _load_and_serve(mailbox, start)
    except Exception:  # noqa: BLE001 - it is logged
        structlog.get_logger(__name__).exception("engine_process_failed")
    mailbox.close()
    # Not `sys.exit`: threads of the engine may wait for a device that does not answer.
    os._exit(0 if is_over else EXIT_BROKEN)


def _load_and_serve(mailbox: "Mailbox", start: "Start") -> bool:
    """Return whether the worker ended it: False if the engine died."""
    from narration.memory import spare_garbage_collector  # noqa: PLC0415
    from worker.engine_process.messages import (  # noqa: PLC0415
        Function,
        Loaded,
        NotLoaded,
        portable,
    )
    from worker.engine_process.server import serve  # noqa: PLC0415
    from worker.model import engine_options, open_model  # noqa: PLC0415

    try:
        options = engine_options(start.model, start.cache_folder)
        # The worker's Admission lets utterances in.
        model = open_model(start.folder, start.model, options, first=options.queue_limit)
    except Exception as error:  # noqa: BLE001 - the worker must get any error
        mailbox.reply(NotLoaded(error=portable(error)))
        return True
    spare_garbage_collector()
    mailbox.reply(
        Loaded(
            identity=model.identity,
            target_concurrency=model.target_concurrency,
            queue_limit=options.queue_limit,
            voices=dict(model.bundled),
        )
    )
    maker = model.voice_maker
    return serve(
        mailbox,
        model.engine,
        {Function.MAKE_VOICE: maker.make, Function.COMPARE: maker.compare},
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
