"""Weights that cannot be fetched, and weights that can and speak; the hub is a stand-in."""

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.containers.disks import small_disk
from tests.containers.project import BUCKET, Project, project, wait_for
from tests.integration.worker.chatterbox.hub_stand_in import Hub
from worker.chatterbox.hub import MODELS

MODEL = MODELS["english"]
LARGE = "t3_cfg.safetensors"
NOBODY = "http://127.0.0.1:9"
# Two cores take ten minutes to speak five sentences of the official model before anybody asks.
COLD = {"RHAPSODE_WORKER__IS_WARMED_UP": "false"}


def unknown_model(builder: str, scratch: Path) -> str:
    chosen = {"RHAPSODE_MODEL__CHECKPOINT": "englsh"}
    with project("model", builder, scratch, environment=chosen) as running:
        return weights_fail(running, 'no model and no folder "englsh"')


def folder_without_weights(builder: str, scratch: Path) -> str:
    folder = scratch / "no-weights"
    folder.mkdir()
    with project("folder", builder, scratch, environment={"MODEL_FOLDER": str(folder)}) as running:
        return weights_fail(running, "lacks t3_cfg.safetensors")


def offline(builder: str, scratch: Path) -> str:
    chosen = {"RHAPSODE_MODEL__CHECKPOINT": "english", "HF_HUB_OFFLINE": "1"}
    with project("offline", builder, scratch, environment=chosen) as running:
        return weights_fail(running, "HF_HUB_OFFLINE is set")


def no_room_for_weights(builder: str, scratch: Path) -> str:
    with hub() as served, small_disk(scratch, "1m") as disk:
        parts = fetching(served)
        mounted = {"volumes": [f"{disk}:/model/weights"]}
        parts["overrides"]["services"]["render-weights"] |= mounted
        with project("room", builder, scratch, **parts) as running:
            return weights_fail(running, "no room in /model/weights")


def hub_that_does_not_answer(builder: str, scratch: Path) -> str:
    chosen = {"RHAPSODE_MODEL__CHECKPOINT": "english", "HF_ENDPOINT": NOBODY}
    with project("no-hub", builder, scratch, environment=chosen) as running:
        return weights_fail(running, "check the network or HF_ENDPOINT and pull again")


def interrupted_download(builder: str, scratch: Path) -> str:
    """A killed pull resumes; complete files need no network."""
    with hub() as served, project("pull", builder, scratch, **fetching(served)) as running:
        resumed = _interrupt(running, served, 2_000_000)
        running.environment["HF_ENDPOINT"] = NOBODY
        again = running.compose("run", "--rm", "-T", "render-weights")
        assert again.returncode == 0, again.stderr
        return resumed


def speaks_with_fetched_weights(builder: str, scratch: Path, folder: Path) -> str:
    """Weights of a folder, from the stand-in of the hub; the first pull is killed half-way."""
    files = {name: (folder / name).read_bytes() for name in MODEL.files}
    with _serving(files) as served, project("hub", builder, scratch, **fetching(served)) as running:
        running.environment |= COLD
        resumed = _interrupt(running, served, len(files[LARGE]) // 2)
        return f"{resumed}; {_narrates(running, 'english')}"


def speaks_with_mounted_weights(builder: str, scratch: Path, folder: Path) -> str:
    """Weights of a folder that is mounted, without any network for them."""
    named = scratch / "my-model"
    named.mkdir()
    for name in MODEL.files:
        shutil.copy(folder / name, named / name)
    chosen = COLD | {"MODEL_FOLDER": str(named), "HF_ENDPOINT": NOBODY}
    with project("mounted", builder, scratch, environment=chosen) as running:
        return _narrates(running, "my-model")


def _narrates(running: Project, model: str) -> str:
    """Start everything and narrate; readiness, job and manifest name the model."""
    up_s = running.up()
    _, ready = running.get("/readyz")
    assert "notice" not in ready, ready
    job = running.ended(running.submit("Hello there.", loudness=None))
    assert job["state"] == "succeeded", job
    bucket = running.bucket()
    keys = [item["Key"] for item in bucket.list_objects_v2(Bucket=BUCKET)["Contents"]]
    (key,) = [key for key in keys if key.endswith("manifest.json")]
    manifest = json.load(bucket.get_object(Bucket=BUCKET, Key=key)["Body"])
    models = {engine["model"] for engine in job["engines"] + manifest["engines"]}
    assert models == {model}, models
    return f"up in {up_s:.0f} s, narrated by {models}"


def _interrupt(running: Project, served: Hub, after_bytes: int) -> str:
    """Kill the service half-way, start it again, and check that it resumes."""
    served.faults.hold_after = after_bytes
    running.compose("up", "--detach", "--no-build", "render-weights")
    wait_for(lambda: "weights_arriving" in running.log("render-weights"), 60, "progress")
    wait_for(lambda: served.downloads and _has_partial(running), 60, "part of a file")
    running.kill("render-weights")
    served.faults.hold_after = None
    served.faults.released.set()
    served.downloads.clear()
    running.compose("up", "--no-build", "render-weights")
    resumed = [begin for name, begin in served.downloads if name == LARGE]
    assert resumed, served.downloads
    assert resumed[0] > 0, served.downloads
    events = running.events("render-weights")
    assert events[-1]["event"] == "weights_present", events
    progress = next(event for event in events if event["event"] == "weights_arriving")
    return f"resumed at byte {resumed[0]}; {progress}"


def _has_partial(running: Project) -> bool:
    listed = running.compose("exec", "-T", "render-weights", "sh", "-c",
                          "find /model/weights -name '*.partial' -size +1k")  # fmt: skip
    return bool(listed.stdout.strip())


def weights_fail(running: Project, reason: str) -> str:
    output = running.up_fails()
    assert "render-weights" in output, output
    event = running.events("render-weights")[-1]
    assert reason in event["reason"], event
    return f"{output}; render-weights: {event['reason']}"


@contextmanager
def hub() -> Iterator[Hub]:
    draw = random.Random(0)
    sizes = dict.fromkeys(MODEL.files, 30_000) | {LARGE: 6_000_000, "tokenizer.json": 300}
    with _serving({name: draw.randbytes(size) for name, size in sizes.items()}) as served:
        yield served


@contextmanager
def _serving(files: dict[str, bytes]) -> Iterator[Hub]:
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


CHECKS = (
    unknown_model,
    folder_without_weights,
    offline,
    hub_that_does_not_answer,
    no_room_for_weights,
    interrupted_download,
)
WITH_WEIGHTS = (speaks_with_fetched_weights, speaks_with_mounted_weights)
