"""Runs schemathesis against a server until enough calls were made, and reports its findings."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.memory import grown
from tests.fuzz.targets import KEY, Target

ROOT = Path(__file__).parents[2]
SERVER_ERROR = 500
TIMEOUT_S = 900
# No schema can express whether a text can be narrated, or a file is a recording.
LEFT_OUT = "positive_data_acceptance"
STREAMS = "/events$"  # they do not end by themselves


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The calls to one server, and their results."""

    calls: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    memory_mib: list[dict[str, float]] = field(default_factory=list)


def fuzz(target: Target, *, calls: int, examples: int, max_response_s: float, seed: int) -> Outcome:
    """Call every operation with what its schema allows and forbids, alone and in sequences.

    Passes of `examples` cases for each operation follow one another, each with a seed of its own,
    until the server has answered so many `calls`.
    """
    outcome = Outcome()
    before = target.answers()
    while outcome.calls < calls:
        report = _one_pass(target, examples, max_response_s, seed + len(outcome.memory_mib))
        if report is not None:
            outcome.failures.append(report)
        outcome.memory_mib.append(target.memory_mib())
        answers = target.answers()
        outcome.statuses = {
            status: count - before.get(status, 0)
            for status, count in sorted(answers.items())
            if count > before.get(status, 0)
        }
        outcome.calls = sum(outcome.statuses.values())
    for status in outcome.statuses:
        if status >= SERVER_ERROR:
            outcome.failures.append(f"{outcome.statuses[status]} answers were {status}")
    outcome.failures += _growth(outcome.memory_mib)
    return outcome


def _one_pass(target: Target, examples: int, max_response_s: float, seed: int) -> str | None:
    """Return the report of a run in which a check failed."""
    patience_s = max(10 * max_response_s, 60)
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "run", f"{target.url}/openapi.json",
        f"--max-examples={examples}", f"--seed={seed}", "--continue-on-failure", "--no-color",
        f"--max-response-time={max_response_s}", f"--request-timeout={patience_s}",
        f"--exclude-path-regex={STREAMS}", f"--exclude-checks={LEFT_OUT}",
        "--generation-database=none", "--warnings=off",
    ]  # fmt: skip
    if target.has_keys and seed % 3:  # every third pass comes without its key
        command.append(f"--header=Authorization:Bearer {KEY}")
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder:  # schemathesis keeps what failed in its folder
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True,
            timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    return None if done.returncode == 0 else done.stdout + done.stderr


def _growth(memory_mib: list[dict[str, float]]) -> list[str]:
    """Compare the end with the middle: before it caches fill and readers start."""
    last, middle = memory_mib[-1], memory_mib[len(memory_mib) // 2]
    return [f"{name} grew by {size:.0f} MiB" for name, size in grown(middle, last).items()]
