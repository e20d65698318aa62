"""A hundred jobs of mixed size, and how each of them must end."""

import random
from dataclasses import dataclass, field
from typing import Any

from narration.jobs.states import JobState
from tests.fakes import HOPELESS, UNSPEAKABLE

LINES = (
    "The ferry left before the fog had lifted from the water.",
    "Nobody had told the keeper of the light that she would come.",
    "It was the third winter without news from the islands.",
    "He folded the letter twice and put it back into the tin.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCase:
    """A job to submit, and its expected result."""

    text: str
    end: JobState = JobState.SUCCEEDED
    code: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)


def make_cases(count: int, seed: int, *, are_speakable: bool = False) -> list[JobCase]:
    """Return cases: most are short, some long, a few must fail, each for its own reason.

    A real model speaks everything: with `are_speakable` all of them must succeed.
    """
    rng = random.Random(seed)
    sizes = [rng.choice((1, 2, 3, 4)) for _ in range(count)]
    for place in rng.sample(range(count), count // 5):
        sizes[place] = rng.randint(8, 14)
    for place in rng.sample(range(count), max(1, count // 25)):
        sizes[place] = 40
    cases = [
        JobCase(text=_text(number, size), settings={"outputs": _outputs(number)})
        for number, size in enumerate(sizes)
    ]
    for case in [] if are_speakable else _odd_ones(max(1, count // 25)):
        cases[rng.randrange(count)] = case
    return cases


def _outputs(number: int) -> list[str]:
    """Return a job's outputs: each format in turn, and always a lossless one."""
    return ["flac", ("m4b", "mp3", "opus")[number % 3]]


def _odd_ones(count: int) -> list[JobCase]:
    failed = JobState.FAILED
    cases = []
    for number in range(count):
        line = f"Tale {number}: this line is %s, whatever is tried, and so it stays."
        cases += [
            JobCase(text=line % UNSPEAKABLE, end=failed, code="chunk_failed"),
            JobCase(text=f"*** {number} ***".replace(str(number), ""), end=failed,
                  code="document_invalid"),
            JobCase(text=line % HOPELESS, end=failed, code="quality_failed",
                  settings={"quality": {"policy": "strict", "max_takes": 2}}),
            JobCase(text=line % HOPELESS),
        ]  # fmt: skip
    return cases


def _text(number: int, sentences: int) -> str:
    # A paragraph each, so that each becomes a chunk; no two jobs share one.
    return "\n\n".join(
        f"Tale {number}, line {line}. {LINES[(number + line) % len(LINES)]}"
        for line in range(sentences)
    )
