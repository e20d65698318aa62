"""One Compose project of a check: its settings, its containers, its API and its bucket."""

import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config

from tests.containers.container_engine import COMPOSE, ROOT, TAG

BUCKET = "narration"
UP_S = 900
JOB_S = 600
OURS = ("api", "cpu-worker", "render-worker", "sweeper", "migrate", "render-weights")


@dataclass
class Project:
    """A project by its name; `overrides` change services of docker-compose.yml."""

    name: str
    builder: str
    scratch: Path
    overrides: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        api_port, s3_port = free_ports(2)
        own = {name: secrets.token_hex(12) for name in ("POSTGRES_PASSWORD", "S3_ACCESS_KEY_ID",
                                                        "S3_SECRET_ACCESS_KEY")}  # fmt: skip
        self.environment = (
            own
            | {
                "COMPOSE_PROFILES": "cpu",
                "COMPOSE_PROJECT_NAME": self.name,
                "IMAGE_TAG": TAG,
                "API_PORT": str(api_port),
                "S3_PORT": str(s3_port),
                "S3_PUBLIC_URL": f"http://127.0.0.1:{s3_port}",
                "S3_BUCKET": BUCKET,
                # A developer's own .env must not change what is checked.
                "SETTINGS_FILE": "/dev/null",
            }
            | self.environment
        )
        self.override_file = self.scratch / f"{self.name}.yml"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['API_PORT']}"

    def compose(self, *command: str, timeout_s: float = UP_S) -> subprocess.CompletedProcess[str]:
        self.override_file.write_text(yaml.safe_dump({"services": {}} | self.overrides))
        files = ["-f", ROOT / "docker-compose.yml", "-f", self.override_file]
        line = [str(part) for part in (COMPOSE, *files, "--env-file", "/dev/null", *command)]
        return subprocess.run(
            line,
            cwd=ROOT,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )

    def up(self, *options: str) -> float:
        """Start everything and return how long that took."""
        started = time.monotonic()
        done = self.compose("up", "--detach", "--no-build", "--wait", *options)
        if done.returncode != 0:
            raise AssertionError(f"{done.stderr[-3000:]}\n{self.log()[-6000:]}")
        return time.monotonic() - started

    def up_fails(self, *options: str) -> str:
        """Try to start everything, expecting failure, and return Compose's last output."""
        done = self.compose("up", "--detach", "--no-build", "--wait", *options)
        assert done.returncode != 0, "it came up"
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return lines[-1].strip()

    def down(self, *options: str) -> None:
        self.compose("down", "--timeout", "60", *options)

    def log(self, *services: str) -> str:
        return self.compose("logs", "--no-color", "--no-log-prefix", *services).stdout

    def events(self, service: str) -> list[dict[str, Any]]:
        """Read a service's log, in which every line has to be an event."""
        return [json.loads(line) for line in self.log(service).splitlines() if line.strip()]

    def execute(self, service: str, *command: str) -> str:
        done = self.compose("exec", "-T", service, *command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def metrics(self, service: str) -> dict[str, float]:
        """Read a service's metrics, by name and labels."""
        ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9100/metrics').read().decode())"
        lines = self.execute(service, "python", "-c", ask).splitlines()
        samples = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "--all", "--quiet", service).stdout.split()

    def inspect(self, service: str) -> dict[str, Any]:
        return self._inspect(self.containers(service)[0])

    def _inspect(self, container: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(
            subprocess.check_output([self.builder, "inspect", container])
        )
        return found[0]

    def kill(self, service: str) -> None:
        """End a container's first process as a crash would: engines start it again then."""
        self.kill_container(self.containers(service)[0])

    def kill_container(self, container: str) -> None:
        os.kill(self._inspect(container)["State"]["Pid"], signal.SIGKILL)

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def submit(self, text: str, *outputs: str, **settings: Any) -> str:
        job = {"text": text, "format": "markdown", "outputs": outputs or ["mp3"]} | settings
        request = urllib.request.Request(
            f"{self.url}/v1/jobs", json.dumps(job).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(json.load(answer)["id"])

    def job(self, job_id: str) -> dict[str, Any]:
        return self.get(f"/v1/jobs/{job_id}")[1]

    def ended(self, job_id: str) -> dict[str, Any]:
        """Wait for a job's end and return it."""
        wait_for(lambda: self.job(job_id).get("ended_at"), JOB_S, f"end of {job_id}")
        return self.job(job_id)

    def warning(self, job_id: str, code: str, within_s: float) -> str:
        """Wait until a job has a warning and return it."""

        def found() -> str | None:
            warnings = self.job(job_id).get("warnings", [])
            return next((w["detail"] for w in warnings if w["code"] == code), None)

        return str(wait_for(found, within_s, f"warning {code}"))

    def bucket(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.environment["S3_PUBLIC_URL"],
            aws_access_key_id=self.environment["S3_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["S3_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        )


@contextmanager
def project(name: str, builder: str, scratch: Path, **parts: Any) -> Iterator[Project]:
    """A project that is removed at the end, with its volumes."""
    made = Project(f"rhapsode-{name}", builder, scratch, **parts)
    try:
        yield made
    except BaseException:
        print(made.compose("ps", "--all").stdout)
        print(made.log("--tail", "30"))
        raise
    finally:
        made.down("--volumes")


def wait_for(ask: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Request until there is an answer; a server that is away gives none."""
    ends_at = time.monotonic() + timeout_s
    while True:
        try:
            if answer := ask():
                return answer
        except OSError:
            pass
        if time.monotonic() > ends_at:
            raise TimeoutError(f"no {what} within {timeout_s} s")
        time.sleep(0.5)


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports
