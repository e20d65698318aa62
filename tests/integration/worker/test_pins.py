"""What is fixed at a job's submission holds until its end, whatever others do."""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from narration.database import session_scope
from narration.errors import ConflictError, FieldsError, OutputError
from narration.jobs.control import cancel_job, retry_job
from narration.jobs.create import Destination
from narration.jobs.document import examine_all
from narration.jobs.purge import delete_job, delete_voice
from narration.jobs.request import JobSettings
from narration.jobs.states import JobState
from narration.jobs.submission import Submission
from narration.jobs.submit import Submitter
from narration.storage.write_check import WriteCheck
from narration.voices.enrol import Enrolment, RecordingFacts, enrol
from narration.voices.lookup import list_voices
from tests.builders import make_text
from tests.harness import WorkerHarness

ANN, BOB = "ann", "bob"


@pytest.fixture
def harness(sqlite_database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    # Every source is an object of its own, as large ones are.
    harness = WorkerHarness(sqlite_database, tmp_path, limits={"inline_source_bytes": 10})
    yield harness
    harness.close()


def submit(harness: WorkerHarness, owner: str, *, prefix: str = "", **settings: Any) -> str:
    limits = harness.settings.limits
    submitter = Submitter(
        database=harness.database,
        stores=harness.stores,
        limits=limits,
        write_check=WriteCheck(harness.stores),
        examine=partial(examine_all, limits),
    )
    submission = Submission(
        owner=owner,
        name="tale.txt",
        media_type=None,
        data=make_text(1).encode(),
        settings=JobSettings.model_validate({"outputs": ["flac"], **settings}),
        destination=Destination(profile="default", prefix=prefix),
    )
    return submitter.submit(submission).job.id


def add_voice(harness: WorkerHarness, owner: str, name: str, sound: bytes = b"sound") -> str:
    facts = RecordingFacts(
        digest=hashlib.sha256(sound).hexdigest(), duration_s=6.0, size_bytes=len(sound)
    )
    enrolment = Enrolment(owner=owner, name=name, recording=sound, facts=facts)
    return enrol(harness.database, harness.stores, enrolment).voice.id


def remove_voice(harness: WorkerHarness, voice_id: str, owner: str) -> None:
    with session_scope(harness.database) as session:
        delete_voice(session, harness.stores, voice_id, owner=owner)


def remove_job(harness: WorkerHarness, job_id: str) -> None:
    with session_scope(harness.database) as session:
        delete_job(session, harness.stores, job_id, now=harness.now)


def keys(harness: WorkerHarness, prefix: str = "") -> list[str]:
    return [info.key for info in harness.stores.work.find(prefix)]


def test_voice_deleted_after_submission_still_speaks(harness: WorkerHarness) -> None:
    voice_id = add_voice(harness, ANN, "me")
    harness.deliver()
    job_id = submit(harness, ANN, voice="me")
    remove_voice(harness, voice_id, ANN)
    with session_scope(harness.database) as session:
        assert list_voices(session, ANN) == []
    with pytest.raises(FieldsError, match="me"):
        submit(harness, ANN, voice="me")
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED
    harness.sweeper.purge()
    assert keys(harness, "voices/") == []


def test_voice_that_no_job_needs_is_deleted_at_once(harness: WorkerHarness) -> None:
    voice_id = add_voice(harness, ANN, "me")
    harness.deliver()
    remove_voice(harness, voice_id, ANN)
    assert keys(harness, "voices/") == []


def test_new_voice_of_the_same_name_does_not_take_a_job_over(harness: WorkerHarness) -> None:
    first = add_voice(harness, ANN, "me", b"one")
    harness.deliver()
    job_id = submit(harness, ANN, voice="me")
    remove_voice(harness, first, ANN)
    add_voice(harness, ANN, "me", b"two")
    harness.deliver()
    job = harness.job(job_id)
    assert (job.state, job.voice_digest) == (
        JobState.SUCCEEDED,
        hashlib.sha256(b"one").hexdigest(),
    )


def test_own_voice_named_as_a_bundled_one_does_not_take_a_job_over(harness: WorkerHarness) -> None:
    job_id = submit(harness, ANN)
    add_voice(harness, ANN, "default")
    harness.deliver()
    assert harness.job(job_id).voice_digest == "d" * 64


def test_job_whose_voice_is_gone_is_not_retried(harness: WorkerHarness) -> None:
    voice_id = add_voice(harness, ANN, "me")
    harness.deliver()
    job_id = submit(harness, ANN, voice="me")
    with session_scope(harness.database) as session:
        cancel_job(session, job_id, owner=ANN, now=harness.now)
    remove_voice(harness, voice_id, ANN)
    with (
        pytest.raises(ConflictError, match="voice"),
        session_scope(harness.database) as session,
    ):
        retry_job(session, job_id, owner=ANN, now=harness.now)


def test_job_delivers_below_no_other_job(harness: WorkerHarness) -> None:
    alice = submit(harness, ANN)
    for prefix in (alice, f"books/{alice}", f"{alice}/1-1"):
        with pytest.raises(OutputError, match=alice):
            submit(harness, BOB, prefix=prefix)


def test_deleting_a_job_leaves_what_lies_in_its_folder_and_is_not_its_own(
    harness: WorkerHarness,
) -> None:
    job_id = submit(harness, ANN)
    harness.deliver()
    [own] = [a.key for a in harness.artifacts(job_id).values() if a.name.endswith(".flac")]
    others = [f"{job_id}/job_x/1-1/audio.flac", f"{job_id}/notes/a.txt", f"{job_id}/1-1/b/c.flac"]
    for key in others:
        harness.stores.work.put(key, b"not ann's")
    harness.stores.work.put(f"{job_id}/9-9/audio.flac", b"a lost try's")
    remove_job(harness, job_id)
    assert own not in keys(harness)
    assert sorted(keys(harness, f"{job_id}/")) == sorted(others)


@pytest.mark.parametrize("prefix", ["sources", "chunks", "voices"])
def test_job_is_delivered_below_the_names_of_the_servers_folders(
    harness: WorkerHarness, prefix: str
) -> None:
    job_id = submit(harness, ANN, prefix=prefix)
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED
    chunks = keys(harness, "chunks/")
    remove_job(harness, job_id)
    assert [key for key in keys(harness) if job_id in key] == []
    assert [key for key in keys(harness, "chunks/") if key.endswith(".flac")] == [
        key for key in chunks if job_id not in key
    ]


@pytest.mark.parametrize(
    "prefix", ["chunks/a", "voices/a/recording", "sources/a", ".hidden", "a/.b"]
)
def test_no_job_shadows_the_servers_own_objects(harness: WorkerHarness, prefix: str) -> None:
    with pytest.raises(OutputError):
        submit(harness, BOB, prefix=prefix)
