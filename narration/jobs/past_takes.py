"""Takes of chunks that are not kept: stored when another replaces them, and listed for choosing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from narration.findings import Finding
from narration.jobs.history import PastTake
from narration.jobs.record import Chunk
from narration.jobs.request import Voicing
from narration.jobs.stored import read_voicing

# The columns that a chunk row and a past take have in common.
SHARED = (
    "spoken_text",
    "voicing",
    "seed",
    "cache_key",
    "sha256",
    "samples",
    "is_watermarked",
    "level",
)


def add_past_take(
    session: Session, job_id: str, chunk: int, number: int, values: Mapping[str, Any]
) -> None:
    """Store a take of a chunk, once; a number is never used for two different sounds."""
    session.merge(PastTake(job_id=job_id, chunk=chunk, number=number, **values))
    session.flush()


def keep_past_takes(session: Session, job_id: str, *conditions: ColumnElement[bool]) -> None:
    """Store the current takes of these chunks, which are about to be replaced."""
    query = select(Chunk).where(Chunk.job_id == job_id, Chunk.sha256.is_not(None), *conditions)
    for chunk in session.scalars(query.execution_options(populate_existing=True)).all():
        assert chunk.take is not None
        values = {name: getattr(chunk, name) for name in SHARED}
        # Findings on the text alone do not belong to a take.
        of_text = chunk.text_findings or ()
        values["findings"] = tuple(each for each in chunk.findings if each not in of_text)
        add_past_take(session, job_id, chunk.index, chunk.take, {"owner": chunk.owner, **values})


def list_past_takes(session: Session, job_id: str, chunk: int) -> list[PastTake]:
    """Return the past takes of a chunk, ordered by number."""
    query = select(PastTake).where(PastTake.job_id == job_id, PastTake.chunk == chunk)
    return list(session.scalars(query.order_by(PastTake.number)))


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTake:
    """A take of a chunk that can be played: the current one or a past one."""

    number: int
    is_kept: bool
    spoken_text: str
    voicing: Voicing
    seed: int
    sha256: str
    samples: int
    findings: tuple[Finding, ...]


def list_takes(session: Session, chunk: Chunk) -> list[KnownTake]:
    """Return every known take of a chunk, ordered by number."""
    takes = {
        past.number: _known(past, past.number, past.findings, is_kept=False)
        for past in list_past_takes(session, chunk.job_id, chunk.index)
    }
    if chunk.sha256 is not None and chunk.take is not None:
        takes[chunk.take] = _known(chunk, chunk.take, chunk.findings, is_kept=True)
    return [takes[number] for number in sorted(takes)]


def find_past_take(session: Session, job_id: str, chunk: int, number: int) -> PastTake | None:
    """Return one past take of a chunk."""
    return session.get(PastTake, (job_id, chunk, number))


def _known(
    row: Chunk | PastTake, number: int, findings: tuple[Finding, ...], *, is_kept: bool
) -> KnownTake:
    assert row.seed is not None
    assert row.sha256 is not None
    assert row.samples is not None
    return KnownTake(
        number=number,
        is_kept=is_kept,
        spoken_text=row.spoken_text,
        voicing=read_voicing(row.voicing),
        seed=row.seed,
        sha256=row.sha256,
        samples=row.samples,
        findings=findings,
    )


def last_past_take(session: Session, job_id: str, chunk: int) -> int:
    """Return the greatest number of a chunk's past takes; -1 without any."""
    last = select(func.max(PastTake.number))
    number = session.scalar(last.where(PastTake.job_id == job_id, PastTake.chunk == chunk))
    return -1 if number is None else number


def forget_past_takes(session: Session, job_id: str, *sounds: str) -> None:
    """Delete past takes whose sound is lost."""
    session.execute(delete(PastTake).where(PastTake.job_id == job_id, PastTake.sha256.in_(sounds)))
