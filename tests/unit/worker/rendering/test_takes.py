from dataclasses import replace
from typing import Any

from narration.errors import SpeechError
from narration.findings import Finding
from narration.jobs.request import QualityPolicy
from narration.jobs.states import ChunkState
from narration.jobs.takes import Outcome, Take
from worker.rendering.takes import PendingChunk, SpokenTake, resolve_failure, resolve_take

FOREIGN = Finding(flag="foreign_language", measured=9, limit=0, unit="characters", detail="fr")
SILENT = Finding(flag="silent", measured=-80.0, limit=-45.0, unit="dBFS")


def pending(number: int = 0, **changes: Any) -> PendingChunk:
    values: dict[str, Any] = {"index": 7, "start": 0, "spoken_text": "x", "last_number": 2}
    values |= {"pause_after_ms": 0}
    return PendingChunk(number=number, **(values | changes))


def spoken(number: int = 0, findings: int = 0) -> SpokenTake:
    take = Take(
        cache_key=f"k{number}",
        sha256=f"s{number}",
        samples=1,
        is_watermarked=True,
        findings=(SILENT,) * findings,
    )
    return SpokenTake(number=number, seed=number, take=take, is_cached=False)


def test_take_that_passes_ends_the_chunk() -> None:
    outcome = resolve_take(pending(1), spoken(1), QualityPolicy.FLAG)
    assert isinstance(outcome, Outcome)
    assert (outcome.state, outcome.take_number) == (ChunkState.ACCEPTED, 1)


def test_bad_take_leads_to_the_next() -> None:
    following = resolve_take(pending(0), spoken(0, findings=1), QualityPolicy.STRICT)
    assert isinstance(following, PendingChunk)
    assert (following.number, following.best) == (1, spoken(0, findings=1))


def test_with_no_take_left_the_least_bad_one_is_flagged() -> None:
    outcome = resolve_take(
        pending(2, best=spoken(1, findings=1)), spoken(2, findings=3), QualityPolicy.FLAG
    )
    assert isinstance(outcome, Outcome)
    assert (outcome.state, outcome.take_number) == (ChunkState.FLAGGED, 1)


def test_of_equally_bad_takes_the_first_is_kept() -> None:
    outcome = resolve_take(
        pending(2, best=spoken(0, findings=2)), spoken(2, findings=2), QualityPolicy.FLAG
    )
    assert isinstance(outcome, Outcome)
    assert outcome.take_number == 0


def test_policy_off_takes_what_comes() -> None:
    outcome = resolve_take(pending(0), spoken(0, findings=5), QualityPolicy.OFF)
    assert isinstance(outcome, Outcome)
    assert outcome.state is ChunkState.ACCEPTED


def test_take_that_could_not_be_spoken_leads_to_the_next() -> None:
    following = resolve_failure(pending(1), SpeechError("no"), seed=1)
    assert isinstance(following, PendingChunk)
    assert following.number == 2


def test_chunk_that_could_never_be_spoken_fails_with_the_reason() -> None:
    outcome = resolve_failure(pending(2), SpeechError("the model said nothing"), seed=1)
    assert isinstance(outcome, Outcome)
    assert (outcome.state, outcome.error) == (ChunkState.FAILED, "the model said nothing")


def test_bad_take_is_better_than_none() -> None:
    outcome = resolve_failure(pending(2, best=spoken(0, findings=4)), SpeechError("no"), seed=1)
    assert isinstance(outcome, Outcome)
    assert (outcome.state, outcome.take_number) == (ChunkState.FLAGGED, 0)


def test_chunk_whose_text_cannot_be_said_is_flagged_by_a_good_take() -> None:
    chunk = pending(0, text_findings=(replace(FOREIGN, flag="unknown_characters"),))
    outcome = resolve_take(chunk, spoken(0), QualityPolicy.FLAG)
    assert isinstance(outcome, Outcome)
    assert (outcome.state, outcome.take_number) == (ChunkState.FLAGGED, 0)
    assert [finding.flag for finding in outcome.findings] == ["unknown_characters"]


def test_findings_of_text_and_take_are_kept_together() -> None:
    chunk = pending(2, text_findings=(FOREIGN,))
    outcome = resolve_take(chunk, spoken(2, findings=1), QualityPolicy.FLAG)
    assert isinstance(outcome, Outcome)
    assert [finding.flag for finding in outcome.findings] == ["foreign_language", "silent"]
    # Other jobs may reuse the take, whatever is found in their texts.
    assert [finding.flag for finding in outcome.take.findings] == ["silent"]


def test_policy_off_flags_no_text() -> None:
    chunk = pending(0, text_findings=(FOREIGN,))
    outcome = resolve_take(chunk, spoken(0), QualityPolicy.OFF)
    assert isinstance(outcome, Outcome)
    assert outcome.state is ChunkState.ACCEPTED
