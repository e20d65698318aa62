"""What must be reported when something is wrong, each in its own project."""

import socket
import time
from pathlib import Path
from typing import Any

from tests.containers.project import Project, project
from tests.containers.weights import MODEL

PROFILE = "RHAPSODE_STORAGE__PROFILES__DEFAULT__"


def missing_secret(builder: str, scratch: Path) -> str:
    with project("secret", builder, scratch, environment={"POSTGRES_PASSWORD": ""}) as running:
        output = running.up_fails()
        assert "POSTGRES_PASSWORD is missing a value: set it in .env" in output, output
        return output


def wrong_password(builder: str, scratch: Path) -> str:
    """A volume that was created with another password."""
    with project("password", builder, scratch) as running:
        assert running.compose("up", "--detach", "--wait", "--no-build", "postgres").returncode == 0
        running.environment["POSTGRES_PASSWORD"] = "another"
        output = running.up_fails()
        assert "migrate" in output, output
        (event,) = running.events("migrate")
        assert "password authentication failed" in event["reason"], event
        return f"{output}; migrate: {event['reason']}"


def taken_port(builder: str, scratch: Path) -> str:
    with project("port", builder, scratch) as running:
        with socket.create_server(("127.0.0.1", int(running.environment["API_PORT"]))):
            output = running.up_fails()
        assert "address already in use" in output, output
        return output


def everything_elsewhere_with_a_wrong_secret(builder: str, scratch: Path) -> str:
    """Database, broker and bucket of another project; the bucket's secret is wrong at first."""
    with project("theirs", builder, scratch) as theirs:
        servers = ("postgres", "redis", "seaweedfs")
        assert theirs.compose("up", "-d", "--wait", "--no-build", *servers).returncode == 0
        password, profile = theirs.environment["POSTGRES_PASSWORD"], PROFILE
        elsewhere = {
            "RHAPSODE_DATABASE__URL": f"postgresql://rhapsode:{password}@postgres:5432/rhapsode",
            "RHAPSODE_BROKER__URL": "redis://redis:6379/3",
            f"{profile}BUCKET": theirs.environment["S3_BUCKET"],
            f"{profile}ENDPOINT_URL": "http://seaweedfs:8333",
            f"{profile}PUBLIC_ENDPOINT_URL": theirs.environment["S3_PUBLIC_URL"],
            f"{profile}ACCESS_KEY_ID": theirs.environment["S3_ACCESS_KEY_ID"],
            f"{profile}SECRET_ACCESS_KEY": "wrong",
            "POSTGRES_PASSWORD": "",
            "S3_ACCESS_KEY_ID": "",
            "S3_SECRET_ACCESS_KEY": "",
        }
        network = {"networks": {"default": {"name": f"{theirs.name}_default", "external": True}}}
        with project(
            "elsewhere", builder, scratch, environment=elsewhere, overrides=network
        ) as running:
            output = running.up_fails()
            assert "worker" in output, output
            assert not any(running.containers(server) for server in servers)
            status, ready = running.get("/readyz")
            assert status == 503, ready
            assert "refuses" in ready["checks"]["store"], ready
            secret = theirs.environment["S3_SECRET_ACCESS_KEY"]
            running.environment[f"{profile}SECRET_ACCESS_KEY"] = secret
            running.up()
            assert running.ended(running.submit("All is elsewhere."))["state"] == "succeeded"
            return (
                f"{output}; /readyz: {ready['checks']['store']}; mended: narrated, no servers here"
            )


def second_worker_on_one_card(builder: str, scratch: Path) -> str:
    with project("cards", builder, scratch, overrides=_cards(scratch, 1)) as running:
        output = running.up_fails("--scale", "render-worker=2")
        assert "render-worker" in output, output
        _, ready = running.get("/readyz")
        assert "every card (0) has its worker" in ready["checks"]["workers"], ready
        assert len(_taken(running)) == 1, _taken(running)
        for container in running.containers("render-worker"):
            running.kill_container(container)
        running.up("--scale", "render-worker=1")
        assert running.ended(running.submit("One worker has the card."))["state"] == "succeeded"
        return f"{output}; /readyz: {ready['checks']['workers']}"


def second_card_by_a_setting(builder: str, scratch: Path) -> str:
    """Two of three cards are named, and two workers take one each."""
    chosen = {"RHAPSODE_MODEL__CARDS": "0,2"}
    with project(
        "two-cards", builder, scratch, environment=chosen, overrides=_cards(scratch, 3)
    ) as running:
        running.up("--scale", "render-worker=2")
        assert _taken(running) == ["0", "2"], _taken(running)
        _, ready = running.get("/readyz")
        assert ready["checks"]["workers"] == "2 warm", ready
        return f"cards taken: {_taken(running)}; /readyz: {ready['checks']['workers']}"


def _cards(scratch: Path, count: int) -> dict[str, Any]:
    """A machine with so many cards, as their driver lists them."""
    driver = scratch / f"nvidia-smi-of-{count}"
    rows = "\n".join(f"{index}, GPU-{index}" for index in range(count))
    driver.write_text(f"#!/bin/sh\necho '{rows}'\n")
    driver.chmod(0o755)
    mount = f"{driver}:/usr/local/bin/nvidia-smi:ro"
    return {"services": {"render-worker": {"volumes": [mount]}}}


def _taken(running: Project) -> list[str]:
    events = running.events("render-worker")
    return sorted(event["index"] for event in events if event["event"] == "card_taken")


def broker_elsewhere_that_is_not_there(builder: str, scratch: Path) -> str:
    chosen = {"RHAPSODE_BROKER__URL": "redis://redis-that-is-not-there:6379/0"}
    with project("broker", builder, scratch, environment=chosen) as running:
        started = time.monotonic()
        output = running.up_fails()
        took_s = time.monotonic() - started
        assert "worker" in output, output
        assert not running.containers("redis")
        _, ready = running.get("/readyz")
        reasons = {
            event["reason"]
            for event in running.events("cpu-worker")
            if event["event"] == "broker_awaited"
        }
        return (
            f"after {took_s:.0f} s: {output}; /readyz: {ready['checks']['broker']}; log: {reasons}"
        )


def worker_that_cannot_load(builder: str, scratch: Path) -> str:
    """A damaged checkpoint: the worker is restarted repeatedly, and `up --wait` fails."""
    folder = scratch / "damaged"
    folder.mkdir()
    for name in MODEL.files:
        (folder / name).write_bytes(b"not weights")
    with project("damaged", builder, scratch, environment={"MODEL_FOLDER": str(folder)}) as running:
        started = time.monotonic()
        output = running.up_fails()
        took_s = time.monotonic() - started
        assert "render-worker" in output, output
        _, ready = running.get("/readyz")
        return f"after {took_s:.0f} s: {output}; /readyz: {ready['checks']['workers']}"


CHECKS = (
    missing_secret,
    taken_port,
    wrong_password,
    worker_that_cannot_load,
    second_worker_on_one_card,
    second_card_by_a_setting,
    broker_elsewhere_that_is_not_there,
    everything_elsewhere_with_a_wrong_secret,
)
