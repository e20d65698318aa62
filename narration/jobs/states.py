"""The states of jobs, segments and chunks, and the moves between them; pure."""

from enum import StrEnum


class JobState(StrEnum):
    """queued → planning → rendering → assembling → succeeded | failed | canceled."""

    QUEUED = "queued"
    PLANNING = "planning"
    RENDERING = "rendering"
    ASSEMBLING = "assembling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class SegmentState(StrEnum):
    """pending → rendering → done | failed; a lost lease leads back to pending."""

    PENDING = "pending"
    RENDERING = "rendering"
    DONE = "done"
    FAILED = "failed"


class ChunkState(StrEnum):
    """pending → rendering → accepted | flagged | failed."""

    PENDING = "pending"
    RENDERING = "rendering"
    ACCEPTED = "accepted"
    FLAGGED = "flagged"
    FAILED = "failed"


JOB_MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.PLANNING, JobState.FAILED, JobState.CANCELED}),
    JobState.PLANNING: frozenset({JobState.RENDERING, JobState.FAILED, JobState.CANCELED}),
    JobState.RENDERING: frozenset({JobState.ASSEMBLING, JobState.FAILED, JobState.CANCELED}),
    JobState.ASSEMBLING: frozenset(
        # back to rendering: stored chunk audio turned out to be missing or damaged
        {JobState.SUCCEEDED, JobState.RENDERING, JobState.FAILED, JobState.CANCELED}
    ),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset({JobState.QUEUED}),
    JobState.CANCELED: frozenset({JobState.QUEUED}),
}

ENDED = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELED})
ACTIVE = frozenset(JobState) - ENDED
RETRYABLE = frozenset(state for state, moves in JOB_MOVES.items() if JobState.QUEUED in moves)
SPOKEN = frozenset({ChunkState.ACCEPTED, ChunkState.FLAGGED})
UNSPOKEN = frozenset({ChunkState.PENDING, ChunkState.RENDERING})
