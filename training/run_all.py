"""Run all stages on one machine within a given time: teacher, hearing, voice, T3.

The first GPU trains the speaker networks and the speech tokenizer; the last one, which may be the
same, speaks as the teacher and trains the rest. Stages are processes; each keeps its own state, so
a second run with the same folder goes on where the first one ended. The corpus is made anew from
the same lines where it is missing.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from training.encode_stage import ENCODED, HEARING_DONE

SPEAKERS_S = 150  # from the start; speech comes after some forty


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Where things lie and when things end (seconds since the epoch)."""

    work: Path
    assets: Path
    start: float
    until: float
    teachers: int
    gpus: int
    hours: float
    hearing_share: float
    origin: Path | None
    without: list[str]

    @property
    def heard(self) -> float:
        """When the corpus is complete and the speech tokenizer trained."""
        return self.start + self.hearing_share * (self.until - self.start)

    @property
    def beginning(self) -> list[str]:
        """The option that names an earlier run."""
        return [f"--origin={self.origin}"] if self.origin else []

    @property
    def corpus(self) -> Path:
        return self.work / "corpus"

    @property
    def state(self) -> Path:
        return self.work / "state"


def launch(plan: Plan, name: str, *arguments: object) -> subprocess.Popen[bytes]:
    """Start a stage, its words in a log of its own.

    Set OMP_NUM_THREADS=2: reading the corpus is many small operations, and with a thread per core
    in every stage the teacher's processes starve.
    """
    command = [sys.executable, "-m", f"training.{name}", *map(str, arguments)]
    log = (plan.work / f"{name}.txt").open("ab")
    return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def launch_teachers(plan: Plan) -> list[subprocess.Popen[bytes]]:
    """Start the teacher's processes."""
    files = [plan.assets / name for name in ("kokoro.onnx", "voices.npz", "directions.jsonl")]
    return [
        launch(
            plan,
            "teacher.render",
            *files,
            plan.corpus,
            f"--process={process}",
            f"--processes={plan.teachers}",
            f"--device=cuda:{plan.gpus - 1}",
            f"--until={plan.heard}",
        )
        for process in range(plan.teachers)
    ]


def launch_stages(plan: Plan, ends: dict[str, float], gpu: int) -> list[subprocess.Popen[bytes]]:
    """Start these stages, unless the run is to be without them; each ends at its own moment."""
    options = [f"--device=cuda:{gpu}", f"--hours={plan.hours}", *plan.beginning]
    return [
        launch(plan, f"{name}_stage", plan.corpus, plan.state, *options, f"--until={end}")
        for name, end in ends.items()
        if name not in plan.without
    ]


def run(plan: Plan) -> None:
    """Run everything in its order; later stages read the corpus while earlier ones train."""
    for folder in (plan.corpus, plan.state):
        folder.mkdir(parents=True, exist_ok=True)
    for sign in (ENCODED, HEARING_DONE):
        (plan.state / sign).unlink(missing_ok=True)
    speakers_end = plan.start + SPEAKERS_S
    hearing = launch_teachers(plan)
    hearing += launch_stages(plan, {"speaker": speakers_end, "tokenizer": plan.heard}, 0)
    ends = dict.fromkeys(("vocoder", "flow", "t3"), plan.until)
    later = launch_stages(plan, ends, plan.gpus - 1)
    launch(plan, "encode_stage", plan.corpus, plan.state, *plan.beginning)
    for stage in hearing:
        stage.wait()
    (plan.state / HEARING_DONE).touch()
    for stage in later:
        stage.wait()


def main() -> None:
    """Plan and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("assets", type=Path)
    parser.add_argument("--until", type=float, required=True)
    parser.add_argument("--teachers", type=int, default=12)
    parser.add_argument("--gpus", type=int, default=1)
    parser.add_argument("--hours", type=float, default=1.0, help="of speech before stages begin")
    parser.add_argument("--hearing-share", type=float, default=0.3, help="of the time")
    parser.add_argument("--origin", type=Path, help="carried parts of a run to begin with")
    parser.add_argument("--without", nargs="*", default=[], help="stages not to be trained")
    arguments = parser.parse_args()
    run(Plan(start=time.time(), **vars(arguments)))


if __name__ == "__main__":
    main()
