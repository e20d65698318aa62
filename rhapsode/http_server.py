"""One HTTP server in this process: it takes a port or says why not, and ends by returning."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.deps import Resources
from narration.errors import SettingsError
from narration.settings import ApiSettings, Settings
from rhapsode.machine import open_machine
from worker.process import EXIT_ENGINE_DIED, LoadModel

LAST_ANSWERS_S = 10  # how long answers under way, a download say, hold the end up


def check_port(settings: ApiSettings) -> None:
    """Raise SettingsError if nothing can listen where the settings say."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will
            probe.bind((settings.host, settings.port))
    except OSError as error:
        raise SettingsError(
            f"port {settings.port} of {settings.host} cannot be listened on "
            f"({error.strerror}): choose another with --port, or end what uses it"
        ) from error


def listen(app: FastAPI, settings: ApiSettings, end: threading.Event | None = None) -> None:
    """Answer requests until SIGTERM, SIGINT or `end`, then return."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=LAST_ANSWERS_S,
    )
    server = uvicorn.Server(config)

    if end is not None:
        threading.Thread(target=_stop_after, args=(end, server), daemon=True).start()
    with _outliving_signals(server):
        server.run()


def serve_machine(settings: Settings, load_model: LoadModel) -> int:
    """Serve the whole API from this process until a signal or the engine's end; return the code.

    Raises: SettingsError if the port cannot be had, before anything is loaded; what
    `open_machine` raises.
    """
    check_port(settings.api)
    with open_machine(settings, load_model) as machine:
        resources = Resources(
            settings=settings,
            database=machine.database,
            stores=machine.stores,
            broker=machine.broker,
        )
        has_died = machine.worker.has_died
        listen(create_app(settings, resources), settings.api, has_died)
    return EXIT_ENGINE_DIED if has_died.is_set() else 0


def _stop_after(end: threading.Event, server: uvicorn.Server) -> None:
    end.wait()
    server.should_exit = True


@contextmanager
def _outliving_signals(server: uvicorn.Server) -> Iterator[None]:
    """Let signals end the server only: it raises them again when it is done, for whoever is next.

    By default they would end the process then, before what it works on is handed back.
    """

    def stop(*_: object) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
