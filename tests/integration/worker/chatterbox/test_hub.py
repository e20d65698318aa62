"""Pulling a model from a hub: whole, interrupted, damaged, offline. Every pull is a process."""

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.worker.chatterbox.hub_stand_in import Hub
from worker.chatterbox.hub import MODELS

ROOT = Path(__file__).parents[4]
MODEL = MODELS["english"]
LARGE = "t3_cfg.safetensors"
DRIVER = """
import json, sys
from narration.errors import RhapsodeError
from worker.chatterbox import hub
seen = []
try:
    arguments = [seen.append] if sys.argv[1] == "pull" else []
    answer = {"folder": str(getattr(hub, sys.argv[1])("english", *arguments))}
except RhapsodeError as error:
    answer = {"error": type(error).__name__, "message": str(error)}
steps = [step.done_bytes for step in seen]
print(json.dumps(answer | {"steps": steps, "total": seen[-1].total_bytes if seen else 0}))
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine with a hub cache of its own."""

    home: Path

    def start(self, verb: str, url: str, **env: str) -> subprocess.Popen[str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
        return subprocess.Popen(
            [sys.executable, "-c", DRIVER, verb],
            cwd=ROOT,
            env=clean | {"HF_HOME": str(self.home), "HF_ENDPOINT": url, **env},
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, verb: str, url: str, **env: str) -> dict[str, Any]:
        with self.start(verb, url, **env) as process:
            out, _ = process.communicate(timeout=120)
        answer: dict[str, Any] = json.loads(out.splitlines()[-1])
        return answer

    def partial(self) -> Path | None:
        return next(self.home.rglob("*.partial"), None)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "hf")


@pytest.fixture
def hub() -> Iterator[Hub]:
    draw = random.Random(0)
    sizes = dict.fromkeys(MODEL.files, 30_000) | {LARGE: 3_000_000, "tokenizer.json": 300}
    files = {name: draw.randbytes(size) for name, size in sizes.items()}
    server = Hub(MODEL.repository, MODEL.revision, files)
    yield server
    server.close()


def assert_complete(answer: dict[str, Any], hub: Hub) -> Path:
    assert "error" not in answer, answer
    folder = Path(answer["folder"])
    for name, content in hub.files.items():
        assert (folder / name).read_bytes() == content
    return folder


def test_pull_brings_every_file_and_records_its_digest(machine: Machine, hub: Hub) -> None:
    answer = machine.run("pull", hub.url)
    folder = assert_complete(answer, hub)
    assert machine.home in folder.parents
    record = dict(
        reversed(line.split("  ")) for line in (folder / "SHA256SUMS").read_text().splitlines()
    )
    assert record == {n: hashlib.sha256(c).hexdigest() for n, c in hub.files.items()}
    total = sum(len(content) for content in hub.files.values())
    assert answer["total"] == total
    assert answer["steps"][-1] == total
    assert answer["steps"] == sorted(answer["steps"])


def test_second_pull_downloads_nothing(machine: Machine, hub: Hub) -> None:
    machine.run("pull", hub.url)
    hub.downloads.clear()
    answer = machine.run("pull", hub.url)
    assert_complete(answer, hub)
    assert hub.downloads == []


def test_whole_model_needs_no_hub_any_more(machine: Machine, hub: Hub) -> None:
    folder = assert_complete(machine.run("pull", hub.url), hub)
    answer = machine.run("pull", "http://127.0.0.1:9")
    assert answer["folder"] == str(folder)


def test_file_without_a_record_is_fetched_again_only_if_it_differs(
    machine: Machine, hub: Hub
) -> None:
    folder = assert_complete(machine.run("pull", hub.url), hub)
    (folder / "SHA256SUMS").unlink()
    hub.downloads.clear()
    answer = machine.run("pull", hub.url)
    assert_complete(answer, hub)
    assert hub.downloads == []
    assert answer["steps"][-1] == answer["total"]


def test_broken_connection_is_resumed_within_a_pull(machine: Machine, hub: Hub) -> None:
    hub.faults.break_after = 1_200_000
    answer = machine.run("pull", hub.url)
    assert_complete(answer, hub)
    begins = [begin for name, begin in hub.downloads if name == LARGE]
    assert begins[0] == 0
    assert len(begins) == 3
    assert begins == sorted(set(begins))


def test_killed_pull_is_resumed_by_the_next(machine: Machine, hub: Hub) -> None:
    hub.faults.hold_after = 1_500_000
    process = machine.start("pull", hub.url)
    deadline = time.monotonic() + 60
    while not ((partial := machine.partial()) and partial.stat().st_size >= 2**20):
        assert time.monotonic() < deadline, "nothing arrived"
        time.sleep(0.05)
    process.kill()
    process.communicate()
    arrived = partial.stat().st_size
    assert 0 < arrived < len(hub.files[LARGE])

    hub.faults.hold_after = None
    hub.faults.released.set()
    hub.downloads.clear()
    answer = machine.run("pull", hub.url)
    assert_complete(answer, hub)
    assert (LARGE, arrived) in hub.downloads
    assert answer["steps"][0] == arrived
    assert machine.partial() is None


def test_server_without_ranges_costs_time_only(machine: Machine, hub: Hub) -> None:
    hub.faults.hold_after = 1_500_000
    process = machine.start("pull", hub.url)
    deadline = time.monotonic() + 60
    while not ((partial := machine.partial()) and partial.stat().st_size >= 2**20):
        assert time.monotonic() < deadline, "nothing arrived"
        time.sleep(0.05)
    process.kill()
    process.communicate()
    hub.faults.hold_after = None
    hub.faults.released.set()
    hub.faults.ignores_range = True
    answer = machine.run("pull", hub.url)
    assert_complete(answer, hub)
    assert answer["steps"][-1] == answer["total"]


def test_damaged_file_is_refused_and_not_kept(machine: Machine, hub: Hub) -> None:
    hub.faults.corrupt.add(LARGE)
    answer = machine.run("pull", hub.url)
    assert answer["error"] == "CheckpointError"
    assert f"{LARGE} arrived damaged" in answer["message"]
    assert machine.partial() is None
    hub.faults.corrupt.clear()
    assert_complete(machine.run("pull", hub.url), hub)


def test_offline_without_the_model_says_so(machine: Machine, hub: Hub) -> None:
    answer = machine.run("pull", hub.url, HF_HUB_OFFLINE="1")
    assert answer["error"] == "NotFoundError"
    assert "HF_HUB_OFFLINE" in answer["message"]
    assert machine.run("resolve_model", hub.url)["error"] == "NotFoundError"


def test_pulled_model_is_found_offline(machine: Machine, hub: Hub) -> None:
    folder = assert_complete(machine.run("pull", hub.url), hub)
    for verb in ("pull", "resolve_model", "verify"):
        answer = machine.run(verb, "http://127.0.0.1:9", HF_HUB_OFFLINE="1")
        assert answer["folder"] == str(folder)


def test_changed_file_is_named_by_verify_and_mended_by_pull(machine: Machine, hub: Hub) -> None:
    folder = assert_complete(machine.run("pull", hub.url), hub)
    (folder / "ve.safetensors").resolve().write_bytes(b"something else")
    answer = machine.run("verify", hub.url)
    assert answer["error"] == "CheckpointError"
    assert 've.safetensors of model "english" changed' in answer["message"]
    assert_complete(machine.run("pull", hub.url), hub)
    assert machine.run("verify", hub.url)["folder"] == str(folder)


def test_changed_file_is_named_offline(machine: Machine, hub: Hub) -> None:
    folder = assert_complete(machine.run("pull", hub.url), hub)
    (folder / "ve.safetensors").resolve().write_bytes(b"something else")
    answer = machine.run("pull", hub.url, HF_HUB_OFFLINE="1")
    assert answer["error"] == "CheckpointError"
    assert "ve.safetensors" in answer["message"]


def test_file_that_is_not_there_is_named(machine: Machine, hub: Hub) -> None:
    hub.faults.missing.add("conds.pt")
    answer = machine.run("pull", hub.url)
    assert answer["error"] == "NotFoundError"
    assert "ResembleAI/chatterbox/conds.pt" in answer["message"]


def test_failing_hub_may_be_asked_again(machine: Machine, hub: Hub) -> None:
    hub.faults.status = 501
    answer = machine.run("pull", hub.url)
    assert answer["error"] == "TransientError"
    assert "status 501" in answer["message"]


def test_silent_hub_may_be_asked_again(machine: Machine) -> None:
    answer = machine.run("pull", "http://127.0.0.1:9")
    assert answer["error"] == "TransientError"
    assert "check the network or HF_ENDPOINT" in answer["message"]


def test_model_larger_than_the_disk_is_refused_before_the_first_byte(
    machine: Machine, hub: Hub
) -> None:
    hub.faults.declared_size[LARGE] = 10**16
    answer = machine.run("pull", hub.url)
    assert answer["error"] == "OutputError"
    assert "no room" in answer["message"]
    assert hub.downloads == []
