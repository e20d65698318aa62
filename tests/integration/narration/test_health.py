"""A process reports its health on a port: started, ready, alive, and what it waits for."""

import http.client
import json
import socket
import threading
import time
from typing import Any

import pytest
from structlog.testing import capture_logs

import narration.telemetry  # noqa: F401 - declares the metrics
from narration.errors import CheckpointError
from narration.health import Health, serve_health
from rhapsode.probe import probe


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def port(health: Health) -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free: int = probe.getsockname()[1]
    serve_health(health, free)
    return free


def ask(port: int, path: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, json.loads(body) if body.startswith(b"{") else body.decode()


def test_process_that_begins_is_started_and_alive_and_not_ready(port: int) -> None:
    assert ask(port, "/metrics")[0] == 200
    assert ask(port, "/livez")[0] == 200
    assert ask(port, "/readyz") == (503, {"status": "not ready"})


def test_metrics_are_those_of_the_process(port: int) -> None:
    assert "rhapsode_chunks_total" in ask(port, "/metrics")[1]


def test_what_is_awaited_is_named(health: Health, port: int) -> None:
    health.set_ready()
    health.await_component("weights", "pull them")
    assert ask(port, "/readyz") == (
        503,
        {"status": "not ready", "awaits": {"weights": "pull them"}},
    )
    health.await_component("weights", None)
    assert ask(port, "/readyz") == (200, {"status": "ready"})


def test_dead_process_is_neither_alive_nor_ready(health: Health, port: int) -> None:
    health.set_ready()
    health.set_dead("the engine died")
    dead = {"status": "dead", "reason": "the engine died"}
    assert ask(port, "/livez") == (503, dead)
    assert ask(port, "/readyz") == (503, dead)


@pytest.mark.parametrize("is_well", [True, False])
def test_probe_that_waits_is_answered_as_soon_as_it_is_decided(
    health: Health, port: int, is_well: bool
) -> None:
    answers: list[tuple[int, Any]] = []
    prober = threading.Thread(target=lambda: answers.append(ask(port, "/readyz?wait_s=60")))
    prober.start()
    time.sleep(0.2)
    assert not answers
    if is_well:
        health.set_ready()
    else:
        health.set_dead("no use")
    prober.join(5)
    assert answers[0][0] == (200 if is_well else 503)


def test_probe_does_not_wait_longer_than_it_asked_for(port: int) -> None:
    started = time.monotonic()
    assert ask(port, "/readyz?wait_s=0.3")[0] == 503
    assert 0.3 <= time.monotonic() - started < 5


def test_probe_does_not_wait_for_long_for_what_others_have_to_mend() -> None:
    health = Health(patience_s=0.3)
    health.await_component("broker", "it does not answer")
    started = time.monotonic()
    assert health.wait(60).awaits == {"broker": "it does not answer"}
    assert time.monotonic() - started < 5


def test_probe_goes_on_waiting_for_what_is_under_way() -> None:
    health = Health(patience_s=0.1)
    with health.awaiting("engine", "loading english"):
        started = time.monotonic()
        health.wait(0.5)
        assert time.monotonic() - started >= 0.5


def test_what_anybody_may_read_names_no_path(health: Health) -> None:
    health.await_mending("engine", CheckpointError("/srv/private lacks ve.safetensors"))
    assert "/srv/private" in health.report().awaits["engine"]
    assert "/srv/private" not in health.report().public_awaits["engine"]


def test_nonsense_is_answered(port: int) -> None:
    assert ask(port, "/readyz?wait_s=long")[0] == 503
    assert ask(port, "/etc/passwd")[0] == 404


def test_long_stage_is_logged_while_it_goes_on() -> None:
    health = Health(log_every_s=0.05)
    with capture_logs() as events, health.awaiting("engine", "loading english"):
        assert health.report().awaits == {"engine": "loading english"}
        time.sleep(0.3)
    assert [event["event"] for event in events][-1] == "component_ready"
    awaited = [event for event in events if event["event"] == "component_awaited"]
    assert len(awaited) >= 3
    assert awaited[-1]["elapsed_s"] > 0
    assert health.report().awaits == {}


def test_stage_that_fails_leaves_its_reason(health: Health) -> None:
    with pytest.raises(CheckpointError), health.awaiting("engine", "loading x"):
        raise CheckpointError("x lacks ve.safetensors")
    assert health.report().awaits == {"engine": "loading x failed: x lacks ve.safetensors"}


def test_health_check_tells_what_the_process_says(health: Health, port: int) -> None:
    url = f"http://127.0.0.1:{port}/readyz"
    health.await_component("weights", "pull them")
    is_ready, said = probe(url)
    assert not is_ready
    assert "pull them" in said
    health.await_component("weights", None)
    health.set_ready()
    assert probe(url)[0]


def test_health_check_waits_for_a_process_that_has_just_begun(health: Health) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        free: int = reserved.getsockname()[1]
    url = f"http://127.0.0.1:{free}/readyz"
    is_ready, said = probe(url, starts_within_s=0.3)
    assert not is_ready
    assert said.startswith("nothing answers at")
    health.set_ready()
    threading.Timer(0.5, serve_health, (health, free)).start()
    assert probe(url)[0]
