"""Run the teacher and all training stages on one machine within a given time.

`--place` assigns GPUs to stages, `--teach` to the teacher's processes. Each stage saves its state,
so a second run with the same folder continues where the first one ended. Missing shards of the
corpus are rendered again from the same lines. Later stages start while the teacher is still
speaking, and read new shards as they appear.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from training.encode_stage import CORPUS_DONE, HEARING_DONE
from training.encoded import ENCODED_DONE, ENCODED_FILES

SPEAKERS_S = 150  # from the start; the first speech takes about forty
HEARING = ("speaker", "tokenizer")
# A second vocoder with cautious options, on a GPU that is free, in case the first one diverges.
OPTIONS = {"rival": ("vocoder_stage", "--name=rival", "--rate=1.5e-4")}
TEACHER_FILES = ("kokoro.onnx", "voices.npz", "directions.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Teachers:
    """How many processes of the teacher run on one GPU, and for how long."""

    gpu: int
    count: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Folders and deadlines (seconds since the epoch)."""

    work: Path
    assets: Path
    start: float
    until: float
    teach: list[Teachers]
    place: dict[str, int]
    hours: float
    hear_s: float
    device: str
    origin: Path | None
    begin: float
    end: float

    @property
    def corpus(self) -> Path:
        return self.work / "corpus"

    @property
    def state(self) -> Path:
        return self.work / "state"

    def device_of(self, gpu: int) -> str:
        return f"--device={self.device}:{gpu}" if self.device == "cuda" else "--device=cpu"

    def ends(self, stage: str) -> float:
        """Return a stage's deadline; tokenizer and speaker networks are needed early by others."""
        seconds = {"speaker": SPEAKERS_S, "tokenizer": self.hear_s}
        return self.start + seconds[stage] if stage in seconds else self.until


def launch(plan: Plan, name: str, log: str, *arguments: object) -> subprocess.Popen[bytes]:
    """Start a stage with its own log file.

    OMP_NUM_THREADS is 2, because reading the corpus consists of many small operations: with one
    thread per core in every stage, the teacher's processes would get too little time.
    """
    command = [sys.executable, "-m", f"training.{name}", *map(str, arguments)]
    if plan.origin and name != "teacher.render":
        command.append(f"--origin={plan.origin}")
    with (plan.work / f"{log}.txt").open("ab") as words:
        return subprocess.Popen(command, stdout=words, stderr=subprocess.STDOUT)


def launch_teachers(plan: Plan) -> list[subprocess.Popen[bytes]]:
    """Start the teacher's processes."""
    files = [plan.assets / name for name in TEACHER_FILES]
    places = [teachers for teachers in plan.teach for _ in range(teachers.count)]
    return [
        launch(
            plan,
            "teacher.render",
            f"teacher-{number}",
            *files,
            plan.corpus,
            f"--process={number}",
            f"--processes={len(places)}",
            plan.device_of(teachers.gpu),
            f"--until={plan.start + teachers.seconds}",
        )
        for number, teachers in enumerate(places)
    ]


def launch_stage(plan: Plan, stage: str) -> subprocess.Popen[bytes]:
    """Start a training stage."""
    module, *options = OPTIONS.get(stage, (f"{stage}_stage",))
    options += [plan.device_of(plan.place[stage]), f"--hours={plan.hours}"]
    options += [f"--begin={plan.begin}", f"--end={plan.end}", f"--until={plan.ends(stage)}"]
    return launch(plan, module, stage, plan.corpus, plan.state, *options)


def run(plan: Plan) -> None:
    """Run everything; stages find the output of others in the folders."""
    for folder in (plan.corpus, plan.state):
        folder.mkdir(parents=True, exist_ok=True)
    for pattern in (ENCODED_FILES, ENCODED_DONE, CORPUS_DONE, HEARING_DONE):
        for path in plan.state.glob(pattern):
            path.unlink()
    teachers = launch_teachers(plan)
    stages = {stage: launch_stage(plan, stage) for stage in plan.place if stage != "encode"}
    if "encode" in plan.place:
        device = plan.device_of(plan.place["encode"])
        stages["encode"] = launch(plan, "encode_stage", "encode", plan.corpus, plan.state, device)
    for stage in HEARING:
        if stage in stages:
            stages[stage].wait()
    (plan.state / HEARING_DONE).touch()
    for teacher in teachers:
        teacher.wait()
    (plan.state / CORPUS_DONE).touch()
    for process in stages.values():
        process.wait()


def _read_teachers(text: str) -> Teachers:
    gpu, count, seconds = text.split(":")
    return Teachers(gpu=int(gpu), count=int(count), seconds=float(seconds))


def _read_place(text: str) -> tuple[str, int]:
    stage, _, gpu = text.partition("=")
    return stage, int(gpu)


def main() -> None:
    """Plan and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("assets", type=Path)
    parser.add_argument("--until", type=float, required=True)
    parser.add_argument(
        "--teach", nargs="*", type=_read_teachers, default=[], help="GPU:PROCESSES:SECONDS"
    )
    parser.add_argument(
        "--place", nargs="+", type=_read_place, required=True, help="STAGE=GPU, those to be run"
    )
    parser.add_argument("--hours", type=float, default=1.0, help="of speech before stages begin")
    parser.add_argument("--hear-s", type=float, default=300, help="until the tokenizer is trained")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--origin", type=Path, help="parts or bundle of a run to begin with")
    parser.add_argument("--begin", type=float, default=0.0, help="of the whole schedule")
    parser.add_argument("--end", type=float, default=1.0)
    arguments = vars(parser.parse_args())
    places = dict(arguments.pop("place"))
    run(Plan(start=time.time(), place=places, **arguments))


if __name__ == "__main__":
    main()
