"""Runs one HTTP server in this process: takes a port or says why not, and returns at the end."""

import errno
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.connections import bounded_protocol
from api.deps import Resources
from narration.api_settings import ApiSettings
from narration.errors import SettingsError
from narration.memory import spare_garbage_collector
from narration.settings import Settings, is_logged_as_json
from rhapsode.interrupts import Interrupts
from rhapsode.machine import open_machine
from worker.process import EXIT_ENGINE_DIED, LoadModel

log = structlog.get_logger(__name__)

LAST_ANSWERS_S = 10  # how long responses in progress, such as downloads, may delay the shutdown


# The system's errors for a host of another machine, or of a kind that this one does not have.
_ERRORS_OF_HOSTS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL})


def check_port(settings: ApiSettings) -> None:
    """Raise SettingsError if the configured address cannot be bound."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will do
            probe.bind((settings.host, settings.port))
    except (socket.gaierror, TypeError) as error:  # what is no name at all is a TypeError
        raise _no_address(settings.host, "there is no such name") from error
    except OSError as error:
        if error.errno in _ERRORS_OF_HOSTS:
            raise _no_address(settings.host, str(error.strerror)) from error
        raise SettingsError(
            f"port {settings.port} of {settings.host} cannot be opened "
            f"({error.strerror}): choose another with --port, or end what uses it"
        ) from error


def _no_address(host: str, why: str) -> SettingsError:
    return SettingsError(
        f"{host!r} is no address of this machine ({why}): choose one with --host, such as "
        "127.0.0.1, or 0.0.0.0 for all of them"
    )


class _Server(uvicorn.Server):
    """Reports its address once it listens, and leaves signals to `Interrupts`."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            assert isinstance(self.config.app, FastAPI)
            self.config.app.state.uploads.prepare()
            spare_garbage_collector()
            host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
            address = f"http://{host}:{self.config.port}"
            pages = f"(the page: {address}/, the API: {address}/docs)"
            _report("server_listening", f"listening on {address} {pages}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End event streams first, which would otherwise delay the shutdown up to its limit."""
        feed = getattr(self._app.state, "feed", None)
        if feed is not None:
            feed.end_streams()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(
    app: FastAPI,
    settings: ApiSettings,
    interrupts: Interrupts,
    end: threading.Event | None = None,
) -> None:
    """Serve requests until SIGTERM, SIGINT or `end`, then return."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        http=bounded_protocol(settings.body_timeout_s),
        timeout_graceful_shutdown=LAST_ANSWERS_S,
    )
    server = _Server(config, app)

    def stop() -> None:
        server.should_exit = True

    def stop_on_signal() -> None:
        _report("server_ending", "finishing what is under way; press Ctrl-C again to quit at once")
        stop()

    interrupts.arm(stop_on_signal)
    if end is not None:
        threading.Thread(target=_stop_after, args=(end, stop), daemon=True).start()
    server.run()


def serve_machine(settings: Settings, load_model: LoadModel) -> int:
    """Serve the whole API from this process until a signal or the engine's end; return the code.

    Raises: SettingsError if the port is not available, before anything is loaded; what
    `open_machine` raises.
    """
    check_port(settings.api)
    _report("model_loading", "loading the model…")
    with Interrupts() as interrupts, open_machine(settings, load_model) as machine:
        resources = Resources(
            settings=settings,
            database=machine.database,
            stores=machine.stores,
            broker=machine.broker,
        )
        has_died = machine.worker.has_died
        listen(create_app(settings, resources), settings.api, interrupts, has_died)
    return EXIT_ENGINE_DIED if has_died.is_set() else 0


def _stop_after(end: threading.Event, stop: Callable[[], None]) -> None:
    end.wait()
    stop()


def _report(event: str, line: str) -> None:
    """Print a line for a person at a terminal, or log an event for machines."""
    if is_logged_as_json():
        log.info(event, said=line)
    else:
        print(f"rhapsode: {line}", file=sys.stderr, flush=True)  # noqa: T201
