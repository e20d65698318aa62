import pytest

from narration.jobs.states import ACTIVE, ENDED, JOB_MOVES, RETRYABLE, JobState


def test_succeeded_never_changes() -> None:
    assert JOB_MOVES[JobState.SUCCEEDED] == frozenset()


def test_only_failed_and_canceled_jobs_are_retried() -> None:
    assert {JobState.FAILED, JobState.CANCELED} == RETRYABLE


def test_every_state_is_either_active_or_ended() -> None:
    assert set(JobState) == ACTIVE | ENDED
    assert not ACTIVE & ENDED


@pytest.mark.parametrize("state", sorted(ACTIVE))
def test_active_job_can_fail_and_be_canceled(state: JobState) -> None:
    assert {JobState.FAILED, JobState.CANCELED} <= JOB_MOVES[state]
