"""Full disks: what is reported and measured, and that work continues once there is space."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.containers.healthy import LONG
from tests.containers.project import Project, project, wait_for

FILL = "dd if=/dev/zero of={folder}/filler bs=1M 2>/dev/null; sync; true"
# The metric that infra/prometheus/alerts.yml watches.
STORE_UP = 'rhapsode_dependency_up{dependency="store"}'
IN_TROUBLE = 'rhapsode_jobs_in_trouble{code="storage_failing"}'


def full_store(builder: str, scratch: Path) -> str:
    with small_disk(scratch, "160m") as disk:
        mounted = {"services": {"seaweedfs": {"volumes": [f"{disk}:/data"]}}}
        with project("full", builder, scratch, overrides=mounted) as running:
            running.up()
            running.execute("seaweedfs", "sh", "-c", FILL.format(folder="/data"))
            said = wait_for(lambda: _store_refuses(running), 120, "a store that says it is full")
            job_id = running.submit(LONG)
            warned = running.warning(job_id, "storage_failing", 240)
            _measures(running, STORE_UP, 0)
            _measures(running, IN_TROUBLE, 1)
            running.execute("seaweedfs", "rm", "/data/filler")
            # Its index refuses every write once one has failed for want of room, until it is
            # opened again: docs/deploy.md says so.
            running.compose("restart", "--no-deps", "--timeout", "10", "seaweedfs")
            assert running.ended(job_id)["state"] == "succeeded"
            _measures(running, STORE_UP, 1)
            return f"/readyz: {said}; job: {warned}"


def _measures(running: Project, name: str, value: float) -> None:
    """The sweeper measures every few seconds, and asks the store every fifteen."""
    wait_for(lambda: running.metrics("sweeper").get(name) == value, 60, f"{name} of {value}")


def _store_refuses(running: Project) -> str | None:
    status, ready = running.get("/readyz")
    return None if status == 200 else str(ready["checks"]["store"])


def full_disk(builder: str, scratch: Path) -> str:
    with small_disk(scratch, "64m") as disk:
        mounted = {"services": {"cpu-worker": {"volumes": [f"{disk}:/scratch"]}}}
        with project("disk", builder, scratch, overrides=mounted) as running:
            running.up()
            running.execute("cpu-worker", "sh", "-c", FILL.format(folder="/scratch"))
            job_id = running.submit("There is no room for this sentence.", "wav")
            warned = running.warning(job_id, "disk_full", 240)
            status, ready = running.get("/readyz")
            assert status == 503, ready
            running.execute("cpu-worker", "rm", "/scratch/filler")
            assert running.ended(job_id)["state"] == "succeeded"
            return f"job: {warned}; /readyz: {ready['checks']['jobs']}"


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


CHECKS = (full_disk, full_store)
