"""The states of jobs, segments, chunks and parts, and the moves between them; pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar


class JobKind(StrEnum):
    """What a job is for: a delivered narration, or sound that a client waits for.

    speech: streamed while it is spoken, nothing is delivered. preview: how a voice sounds.
    """

    NARRATION = "narration"
    SPEECH = "speech"
    PREVIEW = "preview"


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


class PartState(StrEnum):
    """pending → encoding → stored; a lost lease or chunk leads back."""

    PENDING = "pending"
    ENCODING = "encoding"
    STORED = "stored"


# All permitted moves. A move from a state to itself is a takeover after the lease expired.
JOB_MOVES: dict[JobState, frozenset[JobState]] = {
    JobState.QUEUED: frozenset({JobState.PLANNING, JobState.FAILED, JobState.CANCELED}),
    JobState.PLANNING: frozenset(
        {JobState.PLANNING, JobState.RENDERING, JobState.FAILED, JobState.CANCELED}
    ),
    JobState.RENDERING: frozenset({JobState.ASSEMBLING, JobState.FAILED, JobState.CANCELED}),
    JobState.ASSEMBLING: frozenset(
        # back to rendering: stored chunk audio is missing or damaged
        {
            JobState.ASSEMBLING,
            JobState.SUCCEEDED,
            JobState.RENDERING,
            JobState.FAILED,
            JobState.CANCELED,
        }
    ),
    # back to rendering: one of its chunks is mended, and the job is delivered again
    JobState.SUCCEEDED: frozenset({JobState.RENDERING}),
    JobState.FAILED: frozenset({JobState.QUEUED, JobState.RENDERING}),
    JobState.CANCELED: frozenset({JobState.QUEUED}),
}
SEGMENT_MOVES: dict[SegmentState, frozenset[SegmentState]] = {
    SegmentState.PENDING: frozenset({SegmentState.PENDING, SegmentState.RENDERING}),
    SegmentState.RENDERING: frozenset(SegmentState),  # all: its lease may also expire
    # open again: one of its chunks has to be spoken again
    SegmentState.DONE: frozenset({SegmentState.PENDING}),
    SegmentState.FAILED: frozenset({SegmentState.PENDING}),
}
CHUNK_MOVES: dict[ChunkState, frozenset[ChunkState]] = {
    # straight to the end: its sound is in the chunk cache, or it is given up because workers are
    # lost with it
    ChunkState.PENDING: frozenset(ChunkState),
    ChunkState.RENDERING: frozenset(ChunkState),
    # pending again: its sound was lost, the job is retried, or a user wants another take; accepted:
    # a user listened and chose one of its takes
    ChunkState.ACCEPTED: frozenset({ChunkState.PENDING, ChunkState.ACCEPTED}),
    ChunkState.FLAGGED: frozenset({ChunkState.PENDING, ChunkState.ACCEPTED}),
    ChunkState.FAILED: frozenset({ChunkState.PENDING, ChunkState.ACCEPTED}),
}
PART_MOVES: dict[PartState, frozenset[PartState]] = {
    PartState.PENDING: frozenset({PartState.ENCODING}),
    PartState.ENCODING: frozenset(PartState),  # all: its lease may also expire
    PartState.STORED: frozenset({PartState.PENDING}),  # one of its chunks is spoken again
}

ENDED = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELED})
ACTIVE = frozenset(JobState) - ENDED
RETRYABLE = frozenset(state for state, moves in JOB_MOVES.items() if JobState.QUEUED in moves)
SPOKEN = frozenset({ChunkState.ACCEPTED, ChunkState.FLAGGED})
UNSPOKEN = frozenset({ChunkState.PENDING, ChunkState.RENDERING})

# The columns of an unspoken chunk: nothing of an old take may show.
UNSPOKEN_VALUES: dict[str, Any] = {
    "take": None,
    "seed": None,
    "cache_key": None,
    "sha256": None,
    "samples": None,
    "is_watermarked": False,
    "level": None,
    "findings": (),
    "is_cached": False,
    "losses": 0,
    "error": None,
}

State = TypeVar("State", bound=StrEnum)


def sources_of(moves: Mapping[State, frozenset[State]], target: State) -> frozenset[State]:
    """Return the states that can move to `target`."""
    return frozenset(state for state, targets in moves.items() if target in targets)
