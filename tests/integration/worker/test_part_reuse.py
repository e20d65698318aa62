"""Parts that an earlier job has encoded are finished together, on SQLite and a directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from narration.broker.interface import Task
from narration.database import session_scope
from narration.jobs.events import list_events
from narration.jobs.parts import get_parts
from narration.jobs.record import Job, Part
from narration.jobs.sound_record import ChunkAudio, PartAudio
from narration.jobs.states import JobState, PartState
from narration.storage.keys import part_audio_key
from tests.builders import make_text
from tests.harness import WorkerHarness
from worker.assembly.encoding import encode_next

SENTENCES = 24
TEXT = make_text(SENTENCES)
CHANGED = TEXT.replace("Sentence 9 of", "Sentence 9, changed, of")


@pytest.fixture
def harness(sqlite_database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    harness = WorkerHarness(sqlite_database, tmp_path)
    yield harness
    harness.close()


def deliver(harness: WorkerHarness, text: str = TEXT, **settings: object) -> str:
    job_id = harness.submit(text, **{"outputs": ["m4b"], **settings})
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED, harness.job(job_id).error
    return job_id


def render(harness: WorkerHarness, text: str = TEXT, **settings: object) -> str:
    """Return a job whose chunks are all spoken and none of whose parts is stored."""
    job_id = harness.submit(text, **{"outputs": ["m4b"], **settings})
    harness.deliver_only(Task.PLAN)
    while any(task is Task.RENDER for task, _ in harness.broker.sent):
        harness.deliver_only(Task.RENDER)
    harness.broker.take()
    return job_id


def encode_once(harness: WorkerHarness) -> None:
    assert encode_next(harness.worker._context)


def parts(harness: WorkerHarness, job_id: str) -> list[Part]:
    with session_scope(harness.database, is_read_only=True) as session:
        return get_parts(session, job_id)


def stored(harness: WorkerHarness, job_id: str) -> int:
    return sum(part.state is PartState.STORED for part in parts(harness, job_id))


def digests(harness: WorkerHarness) -> set[str]:
    with session_scope(harness.database, is_read_only=True) as session:
        return set(session.scalars(select(PartAudio.digest)))


def files(harness: WorkerHarness, job_id: str) -> dict[str, str]:
    harness.broker.send(Task.ASSEMBLE, job_id)
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED, harness.job(job_id).error
    found = harness.artifacts(job_id)
    return {name: artifact.sha256 for name, artifact in found.items() if name != "manifest.json"}


def test_one_cached_part_finishes_all_of_them(harness: WorkerHarness) -> None:
    first = deliver(harness)
    before = digests(harness)
    job_id = render(harness)
    encode_once(harness)
    assert stored(harness, job_id) == len(parts(harness, job_id)) >= 5
    assert digests(harness) == before
    for part, original in zip(parts(harness, job_id), parts(harness, first), strict=True):
        assert part.audio_sha256 == original.audio_sha256 is not None
        assert (part.audio_samples, part.audio_packets) == (
            original.audio_samples,
            original.audio_packets,
        )
        assert part.ends_run == original.ends_run
        assert (part.lease_holder, part.lease_until, part.is_ready) == (None, None, False)
    with session_scope(harness.database, is_read_only=True) as session:
        events = [e for e in list_events(session, job_id) if e.type == "part.stored"]
    assert sorted(e.payload["part"] for e in events) == list(range(len(parts(harness, job_id))))
    assert files(harness, job_id) == files_of(harness, first)


def files_of(harness: WorkerHarness, job_id: str) -> dict[str, str]:
    found = harness.artifacts(job_id)
    return {name: artifact.sha256 for name, artifact in found.items() if name != "manifest.json"}


def test_a_changed_sentence_leaves_only_its_part(harness: WorkerHarness) -> None:
    deliver(harness)
    job_id = render(harness, CHANGED)
    encode_once(harness)
    assert stored(harness, job_id) == len(parts(harness, job_id)) - 1
    reused = files(harness, job_id)
    alone = harness.submit(CHANGED, outputs=["m4b"])
    with session_scope(harness.database) as session:
        session.execute(PartAudio.__table__.delete())  # every part is encoded anew
    harness.deliver()
    assert files_of(harness, alone) == reused


@pytest.mark.parametrize(
    "settings",
    [
        {"outputs": ["opus", "m4b"]},
        {"loudness": {"target_lufs": -23.0}},
    ],
    ids=["another format", "another loudness"],
)
def test_what_was_encoded_otherwise_is_not_reused(
    harness: WorkerHarness, settings: dict[str, object]
) -> None:
    deliver(harness)
    job_id = render(harness, **settings)
    encode_once(harness)
    assert stored(harness, job_id) == 1


def test_another_owner_reuses_nothing(harness: WorkerHarness) -> None:
    deliver(harness)
    job_id = render(harness)
    with session_scope(harness.database) as session:
        for table in (PartAudio, ChunkAudio):
            session.execute(update(table).values(owner="somebody else"))
    encode_once(harness)
    assert stored(harness, job_id) == 1


def test_parts_of_a_job_that_has_ended_stay_as_they_are(harness: WorkerHarness) -> None:
    deliver(harness)
    job_id = render(harness)
    with session_scope(harness.database) as session:
        session.execute(update(Job).where(Job.id == job_id).values(state=JobState.CANCELED))
    harness.worker._context.part_reuse.finish_rest(harness.worker._context, job_id)
    assert stored(harness, job_id) == 0


@pytest.mark.parametrize("is_damaged", [False, True], ids=["lost", "damaged"])
def test_a_reused_part_that_is_gone_is_encoded_again(
    harness: WorkerHarness, is_damaged: bool
) -> None:
    first = deliver(harness)
    with session_scope(harness.database, is_read_only=True) as session:
        sha256s = list(session.scalars(select(PartAudio.sha256)))
    for sha256 in filter(None, sha256s[::2]):
        if is_damaged:
            harness.stores.work.put(part_audio_key(sha256), b"not what was stored")
        else:
            harness.stores.work.delete(part_audio_key(sha256))
    job_id = render(harness)
    encode_once(harness)
    assert stored(harness, job_id) == len(parts(harness, job_id))
    assert files(harness, job_id) == files_of(harness, first)


def test_a_purge_leaves_no_reused_part_behind(harness: WorkerHarness) -> None:
    deliver(harness)
    deliver(harness)
    harness.wait(harness.settings.sweeper.part_days * 86_400 + 60)
    harness.sweeper.purge()
    assert list(harness.stores.work.find("parts/")) == []
    assert digests(harness) == set()
