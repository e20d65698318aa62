"""What planning finds in a document, from the report to the findings of chunks; both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from narration.database import session_scope
from narration.jobs.lookup import find_reading
from narration.jobs.states import ChunkState, JobState
from tests.harness import WorkerHarness

ENGLISH = "The rain had fallen all night upon the hills, and now it stopped, and he was glad."
FRENCH = "Il pleuvait depuis la veille sur les collines, et les enfants ne voulaient plus sortir. "
BOOK = f"# Part One\n\n## One\n\n{ENGLISH}\n\n## Two\n\nHe said нет to it, and he went away.\n"


@pytest.fixture(params=["sqlite_database", "postgres_database"])
def database(request: pytest.FixtureRequest) -> Engine:
    return request.getfixturevalue(request.param)


@pytest.fixture
def harness(database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    harness = WorkerHarness(database, tmp_path)
    yield harness
    harness.close()


def test_report_is_kept_with_the_plan_and_stands_in_the_manifest(harness: WorkerHarness) -> None:
    job_id = harness.submit(f"{BOOK}\n```\ncode = {ENGLISH!r}\n```\n", name="tale.md")
    harness.deliver()
    with session_scope(harness.database, is_read_only=True) as session:
        reading = find_reading(session, job_id)
    assert reading is not None
    assert reading.language is not None
    assert reading.language.language == "en"
    assert reading.skipped["code"] > len(ENGLISH)
    assert harness.manifest(job_id)["reading"] == reading.model_dump(mode="json")
    warnings = harness.job(job_id).warnings or []
    assert [warning.code for warning in warnings] == ["text_skipped", "unknown_characters"]


def test_chunk_that_the_voice_cannot_say_is_flagged_whatever_its_take(
    harness: WorkerHarness,
) -> None:
    job_id = harness.submit(BOOK, name="tale.md")
    harness.deliver()
    flagged = [c for c in harness.chunks(job_id) if c.state is ChunkState.FLAGGED]
    (findings,) = [chunk.findings for chunk in flagged]
    assert [found.flag for found in findings] == ["unknown_characters"]
    assert harness.job(job_id).state is JobState.SUCCEEDED
    assert harness.job(job_id).chunks_flagged == 1
    again = harness.submit(BOOK, name="tale.md")  # from the chunk cache
    harness.deliver()
    assert harness.job(again).chunks_cached == harness.job(again).chunks_total
    assert harness.job(again).chunks_flagged == 1


def test_strict_job_fails_before_anything_is_spoken(harness: WorkerHarness) -> None:
    job_id = harness.submit(BOOK, name="tale.md", quality={"policy": "strict"})
    harness.deliver()
    job = harness.job(job_id)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error.code == "quality_failed"
    assert "unknown_characters" in job.error.message
    assert harness.engine.spoken == []


def test_other_language_is_refused_unless_the_caller_insists(harness: WorkerHarness) -> None:
    refused = harness.submit(FRENCH * 4)
    insisted = harness.submit(FRENCH * 4, other_language="read")
    harness.deliver()
    job = harness.job(refused)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error.code == "document_invalid"
    assert '"fr"' in job.error.message
    job = harness.job(insisted)
    assert (job.state, job.chunks_flagged) == (JobState.SUCCEEDED, 0)
    assert [warning.code for warning in job.warnings or ()] == ["other_language"]


def test_chapters_keep_their_part(harness: WorkerHarness) -> None:
    text = f"BOOK I\n\nCHAPTER I\n\n{ENGLISH}\n\nCHAPTER II\n\n{ENGLISH}\n"
    job_id = harness.submit(text)
    harness.deliver()
    chapters = harness.manifest(job_id)["chapters"]
    assert [(chapter["part"], chapter["title"]) for chapter in chapters] == [
        ("BOOK I", "CHAPTER I"),
        ("BOOK I", "CHAPTER II"),
    ]
