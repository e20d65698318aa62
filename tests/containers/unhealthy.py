"""What has to be said when something is wrong: each in a project of its own."""

import random
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.containers.healthy import LONG
from tests.containers.project import Project, project, wait_for
from tests.integration.worker.chatterbox.hub_stand_in import Hub
from worker.chatterbox.hub import MODELS

MODEL = MODELS["english"]
LARGE = "t3_cfg.safetensors"
FILL = "dd if=/dev/zero of={folder}/filler bs=1M 2>/dev/null; sync; true"


def missing_secret(builder: str, scratch: Path) -> str:
    with project("secret", builder, scratch, environment={"POSTGRES_PASSWORD": ""}) as made:
        said = made.up_fails()
        assert "POSTGRES_PASSWORD is missing a value: set it in .env" in said, said
        return said


def wrong_password(builder: str, scratch: Path) -> str:
    """A volume that was made with another password."""
    with project("password", builder, scratch) as made:
        assert made.compose("up", "--detach", "--wait", "--no-build", "postgres").returncode == 0
        made.environment["POSTGRES_PASSWORD"] = "another"
        said = made.up_fails()
        assert "migrate" in said, said
        (event,) = made.events("migrate")
        assert "password authentication failed" in event["reason"], event
        return f"{said}; migrate: {event['reason']}"


def taken_port(builder: str, scratch: Path) -> str:
    with project("port", builder, scratch) as made:
        with socket.create_server(("127.0.0.1", int(made.environment["API_PORT"]))):
            said = made.up_fails()
        assert "address already in use" in said, said
        return said


def wrong_store_secret(builder: str, scratch: Path) -> str:
    """A bucket elsewhere, that of another project, reached with a wrong and then a right secret."""
    with project("store", builder, scratch) as theirs:
        assert theirs.compose("up", "-d", "--wait", "--no-build", "seaweedfs").returncode == 0
        profile = "RHAPSODE_STORAGE__PROFILES__DEFAULT__"
        elsewhere = {
            f"{profile}BUCKET": theirs.environment["S3_BUCKET"],
            f"{profile}ENDPOINT_URL": "http://seaweedfs:8333",
            f"{profile}PUBLIC_ENDPOINT_URL": theirs.environment["S3_PUBLIC_URL"],
            f"{profile}ACCESS_KEY_ID": theirs.environment["S3_ACCESS_KEY_ID"],
            f"{profile}SECRET_ACCESS_KEY": "wrong",
        }
        network = {"networks": {"default": {"name": f"{theirs.name}_default", "external": True}}}
        with project(
            "elsewhere", builder, scratch, environment=elsewhere, overrides=network
        ) as made:
            made.up()
            assert not made.containers("seaweedfs")
            status, ready = made.get("/readyz")
            assert status == 503, ready
            made.environment[f"{profile}SECRET_ACCESS_KEY"] = theirs.environment[
                "S3_SECRET_ACCESS_KEY"
            ]
            made.up()
            assert made.ended(made.submit("The bucket is elsewhere."))["state"] == "succeeded"
            return f"/readyz: {ready['checks']['store']}; mended: narrated, no seaweedfs"


def second_worker_on_one_card(builder: str, scratch: Path) -> str:
    """A machine with one card, as its driver lists it, and two workers."""
    driver = scratch / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho '0, GPU-0'\n")
    driver.chmod(0o755)
    mounted = {
        "services": {"render-worker": {"volumes": [f"{driver}:/usr/local/bin/nvidia-smi:ro"]}}
    }
    with project("cards", builder, scratch, overrides=mounted) as made:
        said = made.up_fails("--scale", "render-worker=2")
        assert "render-worker" in said, said
        _, ready = made.get("/readyz")
        assert "every card (0) has its worker" in ready["checks"]["workers"], ready
        taken = [event for event in made.events("render-worker") if event["event"] == "card_taken"]
        assert len(taken) == 1, taken
        for container in made.containers("render-worker"):
            made.kill_container(container)
        made.up("--scale", "render-worker=1")
        assert made.ended(made.submit("One worker has the card."))["state"] == "succeeded"
        return f"{said}; /readyz: {ready['checks']['workers']}"


def broker_elsewhere_that_is_not_there(builder: str, scratch: Path) -> str:
    chosen = {"RHAPSODE_BROKER__URL": "redis://redis-that-is-not-there:6379/0"}
    with project("broker", builder, scratch, environment=chosen) as made:
        started = time.monotonic()
        said = made.up_fails()
        took_s = time.monotonic() - started
        assert "worker" in said, said
        assert not made.containers("redis")
        _, ready = made.get("/readyz")
        reasons = {
            event["reason"]
            for event in made.events("cpu-worker")
            if event["event"] == "broker_awaited"
        }
        return f"after {took_s:.0f} s: {said}; /readyz: {ready['checks']['broker']}; log: {reasons}"


def unknown_model(builder: str, scratch: Path) -> str:
    chosen = {"RHAPSODE_MODEL__CHECKPOINT": "englsh"}
    with project("model", builder, scratch, environment=chosen) as made:
        return weights_fail(made, 'no model and no folder "englsh"')


def folder_without_weights(builder: str, scratch: Path) -> str:
    folder = scratch / "no-weights"
    folder.mkdir()
    with project("folder", builder, scratch, environment={"MODEL_FOLDER": str(folder)}) as made:
        return weights_fail(made, "lacks t3_cfg.safetensors")


def offline(builder: str, scratch: Path) -> str:
    chosen = {"RHAPSODE_MODEL__CHECKPOINT": "english", "HF_HUB_OFFLINE": "1"}
    with project("offline", builder, scratch, environment=chosen) as made:
        return weights_fail(made, "HF_HUB_OFFLINE is set")


def interrupted_download(builder: str, scratch: Path) -> str:
    """A pull that is killed goes on where it was; what is whole needs no network."""
    with hub() as served, project("pull", builder, scratch, **fetching(served)) as made:
        served.faults.hold_after = 2_000_000
        made.compose("up", "--detach", "--no-build", "render-weights")
        wait_for(lambda: "weights_arriving" in made.log("render-weights"), 60, "progress")
        wait_for(lambda: served.downloads and _has_partial(made), 60, "part of a file")
        made.kill("render-weights")
        served.faults.hold_after = None
        served.faults.released.set()
        served.downloads.clear()
        made.compose("up", "--no-build", "render-weights")
        resumed = [begin for name, begin in served.downloads if name == LARGE]
        assert resumed, served.downloads
        assert resumed[0] > 0, served.downloads
        events = made.events("render-weights")
        assert events[-1]["event"] == "weights_present", events
        made.environment["HF_ENDPOINT"] = "http://127.0.0.1:9"
        again = made.compose("run", "--rm", "-T", "render-weights")
        assert again.returncode == 0, again.stderr
        progress = next(event for event in events if event["event"] == "weights_arriving")
        return f"resumed at byte {resumed[0]}; {progress}"


def _has_partial(made: Project) -> bool:
    listed = made.compose("exec", "-T", "render-weights", "sh", "-c",
                          "find /model/weights -name '*.partial' -size +1k")  # fmt: skip
    return bool(listed.stdout.strip())


def no_room_for_weights(builder: str, scratch: Path) -> str:
    with hub() as served, small_disk(scratch, "1m") as disk:
        parts = fetching(served)
        mounted = {"volumes": [f"{disk}:/model/weights"]}
        parts["overrides"]["services"]["render-weights"] |= mounted
        with project("room", builder, scratch, **parts) as made:
            return weights_fail(made, "no room in /model/weights")


def full_store(builder: str, scratch: Path) -> str:
    with small_disk(scratch, "96m") as disk:
        mounted = {"services": {"seaweedfs": {"volumes": [f"{disk}:/data"]}}}
        with project("full", builder, scratch, overrides=mounted) as made:
            made.up()
            made.execute("seaweedfs", "sh", "-c", FILL.format(folder="/data"))
            said = wait_for(lambda: _store_refuses(made), 120, "a store that says it is full")
            job_id = made.submit(LONG)
            warned = made.warning(job_id, "storage_failing", 240)
            made.execute("seaweedfs", "rm", "/data/filler")
            assert made.ended(job_id)["state"] == "succeeded"
            return f"/readyz: {said}; job: {warned}"


def _store_refuses(made: Project) -> str | None:
    status, ready = made.get("/readyz")
    return None if status == 200 else str(ready["checks"]["store"])


def full_disk(builder: str, scratch: Path) -> str:
    with small_disk(scratch, "64m") as disk:
        mounted = {"services": {"cpu-worker": {"volumes": [f"{disk}:/scratch"]}}}
        with project("disk", builder, scratch, overrides=mounted) as made:
            made.up()
            made.execute("cpu-worker", "sh", "-c", FILL.format(folder="/scratch"))
            job_id = made.submit(LONG, "wav")
            warned = made.warning(job_id, "disk_full", 180)
            status, ready = made.get("/readyz")
            assert status == 503, ready
            made.execute("cpu-worker", "rm", "/scratch/filler")
            assert made.ended(job_id)["state"] == "succeeded"
            return f"job: {warned}; /readyz: {ready['checks']['jobs']}"


def worker_that_cannot_load(builder: str, scratch: Path) -> str:
    """A damaged checkpoint: the worker is started again and again, and `up --wait` ends with it."""
    folder = scratch / "damaged"
    folder.mkdir()
    for name in MODEL.files:
        (folder / name).write_bytes(b"not weights")
    with project("damaged", builder, scratch, environment={"MODEL_FOLDER": str(folder)}) as made:
        started = time.monotonic()
        said = made.up_fails()
        took_s = time.monotonic() - started
        assert "render-worker" in said, said
        _, ready = made.get("/readyz")
        return f"after {took_s:.0f} s: {said}; /readyz: {ready['checks']['workers']}"


def weights_fail(made: Project, reason: str) -> str:
    said = made.up_fails()
    assert "render-weights" in said, said
    event = made.events("render-weights")[-1]
    assert reason in event["reason"], event
    return f"{said}; render-weights: {event['reason']}"


@contextmanager
def hub() -> Iterator[Hub]:
    draw = random.Random(0)
    sizes = dict.fromkeys(MODEL.files, 30_000) | {LARGE: 6_000_000, "tokenizer.json": 300}
    files = {name: draw.randbytes(size) for name, size in sizes.items()}
    served = Hub(MODEL.repository, MODEL.revision, files)
    try:
        yield served
    finally:
        served.close()


def fetching(served: Hub) -> dict[str, Any]:
    """The model of the hub, which listens on this machine's own address."""
    chosen = {"RHAPSODE_MODEL__CHECKPOINT": "english", "HF_ENDPOINT": served.url}
    on_this_host = {"services": {"render-weights": {"network_mode": "host"}}}
    return {"environment": chosen, "overrides": on_this_host}


@contextmanager
def small_disk(scratch: Path, size: str) -> Iterator[Path]:
    """A disk of so many bytes, to be mounted in a volume's place; only root may make one."""
    folder = scratch / f"disk-of-{size}"
    folder.mkdir()
    options = f"size={size},uid=10001,gid=10001,mode=1777"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


CHECKS = (
    missing_secret,
    taken_port,
    wrong_password,
    unknown_model,
    folder_without_weights,
    offline,
    no_room_for_weights,
    interrupted_download,
    worker_that_cannot_load,
    second_worker_on_one_card,
    broker_elsewhere_that_is_not_there,
    wrong_store_secret,
    full_disk,
    full_store,
)
