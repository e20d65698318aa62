"""Run all stages on one machine within a given time: teacher, hearing, voice, T3.

The first GPU trains the speaker networks, the speech tokenizer and then the flow; the last one,
which may be the same, speaks as the teacher and trains the rest. Stages are processes; each keeps
its own state, so a second run with the same folder goes on where the first one ended. The corpus is
made anew from the same lines where it is missing.
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
    teach_s: float
    hear_s: float
    origin: Path | None
    without: list[str]

    @property
    def taught(self) -> float:
        """When the corpus is complete."""
        return self.start + self.teach_s

    @property
    def heard(self) -> float:
        """When the speech tokenizer is trained."""
        return self.start + self.hear_s

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
            f"--until={plan.taught}",
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
    later = launch_stages(plan, {"flow": plan.until}, 0)
    later += launch_stages(plan, dict.fromkeys(("vocoder", "t3"), plan.until), plan.gpus - 1)
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
    parser.add_argument("--teach-s", type=float, default=240, help="until the corpus is complete")
    parser.add_argument("--hear-s", type=float, default=300, help="until the tokenizer is trained")
    parser.add_argument("--origin", type=Path, help="parts or bundle of a run to begin with")
    parser.add_argument("--without", nargs="*", default=[], help="stages not to be trained")
    arguments = parser.parse_args()
    run(Plan(start=time.time(), **vars(arguments)))


if __name__ == "__main__":
    main()
