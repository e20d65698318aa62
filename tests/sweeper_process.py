"""The sweeper as a process of its own, beside the workers of a cluster."""

import os
import subprocess
import sys
from pathlib import Path

from tests.cluster import Cluster

ROOT = Path(__file__).parents[1]
END_S = 20.0


class SweeperProcess:
    """A sweeper that can be killed and started again."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self._cluster.folder / "sweeper.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "narration.sweeper"],
                cwd=ROOT,
                env=os.environ | self._cluster._environment,
                stdout=log,
                stderr=log,
            )

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(END_S)
