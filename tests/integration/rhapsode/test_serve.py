"""`rhapsode serve` shuts down cleanly on a signal, and exits by itself when its engine dies."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from narration.database import make_engine, session_scope
from narration.errors import SettingsError
from narration.settings import Settings
from narration.workers import Worker
from rhapsode.cli import run
from rhapsode.exit_codes import EXIT_INTERRUPTED
from rhapsode.http_server import check_port, serve_machine
from rhapsode.interrupts import HOW_TO_GO_ON
from tests.builders import make_settings, make_text
from tests.cluster import wait_for
from tests.fakes import ToneEngine, make_model
from worker.process import EXIT_ENGINE_DIED, LoadedModel

STARTED: list[subprocess.Popen[bytes]] = []


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """A server whose test has failed would take a core from all tests that follow."""
    yield
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.wait()


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        number: int = found.getsockname()[1]
        return number


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_nothing_left_behind(
    tiny: Path, data_dir: Path, port: int, number: signal.Signals
) -> None:
    served = begin(tiny, port)
    wait_for(lambda: is_ready(port), 90, "readiness")
    served.send_signal(number)
    assert served.wait(30) == 0
    assert workers_of(f"sqlite:///{data_dir / 'rhapsode.db'}") == []


def test_the_address_is_printed_once_it_answers(tiny: Path, data_dir: Path, port: int) -> None:
    served = begin(tiny, port, stderr=subprocess.PIPE)
    assert served.stderr is not None
    lines = iter(served.stderr.readline, b"")
    line = next(line for line in lines if b"listening" in line).decode()
    assert f"http://127.0.0.1:{port}" in line
    assert httpx.get(f"http://127.0.0.1:{port}/livez").is_success
    served.send_signal(signal.SIGINT)
    assert b"Ctrl-C again" in next(line for line in lines if b"finishing" in line)
    served.communicate(timeout=60)  # reads on: a full pipe would hold it up
    assert served.returncode == 0


def test_a_second_interrupt_ends_it_at_once(tiny: Path, data_dir: Path, port: int) -> None:
    served = begin(tiny, port, stderr=subprocess.PIPE)
    wait_for(lambda: is_ready(port), 90, "readiness")
    submit(port, make_text(200))
    wait_for(lambda: chunks_done(port) > 0, 60, "a chunk")
    served.send_signal(signal.SIGINT)
    time.sleep(0.2)
    sent_at = time.monotonic()
    served.send_signal(signal.SIGINT)
    assert served.wait(10) == EXIT_INTERRUPTED
    assert time.monotonic() - sent_at < 2
    _, stderr = served.communicate()
    assert b"Traceback" not in stderr


@pytest.mark.parametrize("library", ["pydantic_core", "libtorch_cpu"])
def test_an_interrupt_before_it_listens_ends_it_in_one_line(
    tiny: Path, data_dir: Path, port: int, library: str
) -> None:
    # Children of a shell's background job ignore the signal, unless it is handled here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    served = begin(tiny, port, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    maps = Path(f"/proc/{served.pid}/maps")
    wait_for(lambda: library in maps.read_text(), 60, f"the import of {library}")
    sent_at = time.monotonic()
    served.send_signal(signal.SIGINT)
    _, stderr = served.communicate(timeout=10)
    assert time.monotonic() - sent_at < 2
    assert served.returncode == EXIT_INTERRUPTED
    assert stderr.splitlines()[-1] == b"rhapsode: " + HOW_TO_GO_ON.encode()
    assert b"Traceback" not in stderr


def test_killed_and_started_again_it_goes_on_speaking(
    tiny: Path, data_dir: Path, port: int
) -> None:
    served = begin(tiny, port)
    wait_for(lambda: is_ready(port), 90, "readiness")
    submit(port, make_text(200))
    wait_for(lambda: chunks_done(port) > 0, 60, "a chunk")
    served.kill()
    served.wait()
    served = begin(tiny, port)
    wait_for(lambda: is_ready(port), 90, "readiness")
    before = chunks_done(port)
    # Half of the time for which the killed one's lease would last, on a machine that is busy.
    wait_for(lambda: chunks_done(port) > before, 30, "another chunk")
    served.kill()
    served.wait()


def test_a_dead_engine_ends_it_with_a_code_of_its_own(tmp_path: Path, port: int) -> None:
    engine = ToneEngine()
    settings = make_settings(tmp_path, api={"port": port})

    def end_engine() -> None:
        wait_for(lambda: is_ready(port), 90, "readiness")
        engine.close()

    threading.Thread(target=end_engine, daemon=True).start()
    assert serve_machine(settings, lambda _: make_model(engine)) == EXIT_ENGINE_DIED
    assert workers_of(settings.database_url) == []


def test_a_used_port_is_refused_before_the_model_is_loaded(tmp_path: Path) -> None:
    def refuse(_: Settings) -> LoadedModel:
        pytest.fail("the model was loaded")

    with socket.create_server(("127.0.0.1", 0)) as user:
        port = user.getsockname()[1]
        settings = make_settings(tmp_path, api={"port": port})
        with pytest.raises(SettingsError, match=f"port {port} of 127.0.0.1"):
            serve_machine(settings, refuse)


@pytest.mark.parametrize("host", ["not-a-host.invalid", "::zz", "[::1]", "192.0.2.1", "\udcff"])
def test_a_host_that_is_not_here_is_refused_by_its_option(tmp_path: Path, host: str) -> None:
    settings = make_settings(tmp_path, api={"host": host})
    with pytest.raises(SettingsError, match=r"is no address of this machine .* with --host"):
        check_port(settings.api)


@pytest.mark.parametrize("port", ["-1", "0", "99999"])
@pytest.mark.parametrize("command", ["serve", "api"])
def test_a_port_that_no_machine_has_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], command: str, port: str
) -> None:
    assert run([command, f"--port={port}"]) == 2
    assert "'--port'" in capsys.readouterr().err


def begin(model: Path, port: int, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rhapsode", "serve", "--model", str(model)]
    STARTED.append(subprocess.Popen([*command, "--port", str(port)], **options))
    return STARTED[-1]


def submit(port: int, text: str) -> None:
    body = {"text": text, "outputs": ["wav"]}
    assert httpx.post(f"http://127.0.0.1:{port}/v1/jobs", json=body).status_code == 202


def chunks_done(port: int) -> int:
    (job,) = httpx.get(f"http://127.0.0.1:{port}/v1/jobs").json()["items"]
    return int(job["progress"]["chunks_done"])


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").is_success
    except httpx.TransportError:
        return False


def workers_of(database_url: str) -> list[Worker]:
    database = make_engine(database_url)
    try:
        with session_scope(database, is_read_only=True) as session:
            return list(session.scalars(select(Worker)))
    finally:
        database.dispose()
