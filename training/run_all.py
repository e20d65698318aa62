"""Run all stages on one machine within a given time: teacher, hearing, voice, T3.

The vocoder and half of the teacher have the second GPU, where there is one. Stages are processes;
each keeps its own state, so a second run with the same folder goes on where the first one ended.
The corpus is made anew from the same lines where it is missing.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from training.encode_stage import ENCODED, HEARING_DONE

HEARING_SHARE = 0.3  # of the time: speech made and the speech tokenizer trained until then
SPEAKERS_S = 60


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
    vocoder_share: float
    origin: Path | None
    keep_hearing: bool

    def moment(self, share: float) -> float:
        return self.start + share * (self.until - self.start)

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
    """Start the teacher's processes, spread over the GPUs."""
    files = [plan.assets / name for name in ("kokoro.onnx", "voices.npz", "directions.jsonl")]
    return [
        launch(
            plan,
            "teacher.render",
            *files,
            plan.corpus,
            f"--process={process}",
            f"--processes={plan.teachers}",
            f"--device=cuda:{process % plan.gpus}",
            f"--until={plan.moment(HEARING_SHARE)}",
        )
        for process in range(plan.teachers)
    ]


def launch_stage(
    plan: Plan, name: str, gpu: int, share: float, *more: str
) -> subprocess.Popen[bytes]:
    device = f"--device=cuda:{gpu % plan.gpus}"
    until = f"--until={plan.moment(share)}"
    origin = [f"--origin={plan.origin}"] if plan.origin else []
    return launch(plan, name, plan.corpus, plan.state, device, until, *origin, *more)


def run(plan: Plan) -> None:
    """Run everything in its order; later stages read the corpus while earlier ones train."""
    for folder in (plan.corpus, plan.state):
        folder.mkdir(parents=True, exist_ok=True)
    for sign in (ENCODED, HEARING_DONE):
        (plan.state / sign).unlink(missing_ok=True)
    waiting = f"--hours={plan.hours}"
    hearing = launch_teachers(plan)
    if not plan.keep_hearing:
        speakers_end = SPEAKERS_S / (plan.until - plan.start) + 0.08
        hearing += [
            launch_stage(plan, "speaker_stage", 0, speakers_end, waiting),
            launch_stage(plan, "tokenizer_stage", 0, HEARING_SHARE, waiting),
        ]
    later = [
        launch_stage(plan, "vocoder_stage", 1, plan.vocoder_share, waiting),
        launch_stage(plan, "flow_stage", 0, 1.0),
        launch_stage(plan, "t3_stage", 0, 1.0),
    ]
    launch(plan, "encode_stage", plan.corpus, plan.state)
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
    parser.add_argument("--vocoder-share", type=float, default=1.0, help="of the time")
    parser.add_argument("--origin", type=Path, help="carried parts of a run to begin with")
    parser.add_argument("--keep-hearing", action="store_true")
    arguments = parser.parse_args()
    run(Plan(start=time.time(), **vars(arguments)))


if __name__ == "__main__":
    main()
