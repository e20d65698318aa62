"""Docker, or podman without a Docker daemon, and the images to check."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
STAND_INS = ROOT / "tests/containers/stand_ins"
TAG = "check"
BASE = "docker.io/library/python:3.11-slim-bookworm"
BASE_PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
NEEDED = {
    "podman": "podman",
    "runc": "runc",
    "catatonit": "catatonit",  # what `init: true` starts
    "netavark": "netavark",
    "aardvark-dns": "aardvark-dns",  # names of services
}
CHECK_EVERY_S = 5.0  # one costs podman a third of a second of a core
COMPOSE = Path(sys.executable).parent / "docker-compose"
HELPERS = "/usr/lib/podman:/usr/libexec/podman"


@contextmanager
def container_engine(scratch: Path) -> Iterator[str]:
    """Return the container program, and connect Compose to it."""
    if not COMPOSE.exists():
        raise SystemExit(f"this check needs {COMPOSE}: run `make .venv/.dev`, and it with .venv")
    if os.geteuid() != 0:
        raise SystemExit("this check makes small disks and looks into containers: run it as root")
    answers = subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    if shutil.which("docker") and answers:
        yield "docker"
        return
    name_what_is_missing(NEEDED)
    listens_at = scratch / "podman.sock"
    os.environ["DOCKER_HOST"] = address = f"unix://{listens_at}"
    service = subprocess.Popen(["podman", "system", "service", "--time=0", address])
    wait_for_socket(listens_at, service)
    stop = threading.Event()
    checks = threading.Thread(target=run_health_checks, args=(stop,), daemon=True)
    checks.start()
    try:
        yield "podman"
    finally:
        stop.set()
        checks.join()
        service.terminate()
        service.wait()


def wait_for_socket(path: Path, service: subprocess.Popen[bytes]) -> None:
    """Return once a service listens, which takes a busy machine a few seconds."""
    ends_at = time.monotonic() + 60
    while not path.is_socket():
        if service.poll() is not None or time.monotonic() > ends_at:
            raise SystemExit("`podman system service` does not start: see what it says above")
        time.sleep(0.2)


def name_what_is_missing(needed: dict[str, str]) -> None:
    path = f"{os.environ['PATH']}:{HELPERS}"
    missing = [
        package for program, package in needed.items() if not shutil.which(program, path=path)
    ]
    if missing:
        raise SystemExit(f"this check needs: apt-get install {' '.join(missing)}")


def run_health_checks(stop: threading.Event) -> None:
    """Run podman's health checks, which it leaves to systemd timers: there may be none here.

    One thread per container, because a check waits until its process is ready.
    """
    checked: set[str] = set()
    wanted = ["--filter", "label=com.docker.compose.project"]
    while not stop.wait(1):
        listed = subprocess.run(["podman", "ps", "-q", *wanted], capture_output=True, check=False)
        for container in set(listed.stdout.decode().split()) - checked:
            checked.add(container)
            threading.Thread(
                target=_check_health, args=(container, checked, stop), daemon=True
            ).start()


def _check_health(container: str, checked: set[str], stop: threading.Event) -> None:
    done = None
    while done is None or (done.returncode <= 1 and not stop.wait(CHECK_EVERY_S)):
        # More than 1: it does not run any more, or has no check.
        done = subprocess.run(
            ["podman", "healthcheck", "run", container], capture_output=True, check=False
        )
    checked.discard(container)


def build(builder: str, *, with_stand_ins: bool, with_gpu: bool) -> None:
    if with_stand_ins:
        make_base(builder)
        images = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
        for service, name in [("postgres",) * 2, ("redis", "valkey"), ("seaweedfs",) * 2]:
            build_image(
                builder, images[service]["image"], STAND_INS / f"{name}.Dockerfile", STAND_INS
            )
    for target in ("service", "render"):
        recipe = ROOT / "Dockerfile.cpu"
        build_image(builder, image(target), recipe, ROOT, "--target", target)
    if with_gpu:
        build_image(builder, image("gpu"), ROOT / "Dockerfile.gpu", ROOT)


def image(name: str) -> str:
    return f"docker.io/rhapsode/{name}:{TAG}"


def make_base(builder: str) -> None:
    """Put a base image together from packages, where there is none and no registry to ask."""
    if (
        subprocess.run(
            [builder, "image", "inspect", BASE], capture_output=True, check=False
        ).returncode
        == 0
    ):
        return
    name_what_is_missing({"debootstrap": "debootstrap"})
    rootfs = Path("/var/tmp/rhapsode-check-rootfs")
    run("debootstrap", "--variant=minbase", f"--include={BASE_PACKAGES}", "bookworm", rootfs)
    (rootfs / "usr/bin/python").symlink_to("python3")  # as the official image has it
    run("sh", "-c", f"tar -C {rootfs} -c . | {builder} import - {BASE}")
    shutil.rmtree(rootfs)


def build_image(builder: str, name: str, recipe: Path, context: Path, *options: str) -> None:
    flags = os.environ.get("BUILD_FLAGS", "").split()
    run(builder, "build", *flags, "-f", recipe, *options, "-t", name, context)


def run(*command: object, environment: dict[str, str] | None = None) -> None:
    line = [str(part) for part in command]
    print("+", " ".join(line), flush=True)
    subprocess.run(line, check=True, cwd=ROOT, env=os.environ | (environment or {}))
