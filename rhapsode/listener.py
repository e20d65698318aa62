"""One HTTP server in this process: it takes a port or says why not, and ends by returning."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from narration.errors import SettingsError
from narration.settings import ApiSettings

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
