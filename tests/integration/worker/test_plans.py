"""A plan predicts its job: the same chunks, and how many of them are cached."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine

from narration.database import session_scope
from narration.jobs.create import Destination
from narration.jobs.estimate import rendering_s
from narration.jobs.lookup import get_plan
from narration.jobs.outline import outline
from narration.jobs.outline_record import OutlineRecord
from narration.jobs.plans import Planner, plan_document
from narration.jobs.request import JobSettings
from narration.jobs.states import JobState
from narration.jobs.submission import Submission
from narration.workers import WorkerEngine, WorkerState, report, warm_workers
from tests.builders import WORDS
from tests.fakes import TONE
from tests.harness import WorkerHarness

BOOK = "\n\n".join(f"# {title}\n\n{title}. {WORDS}" for title in ("One", "Two", "Three", "Four"))
TITLED = {"outputs": ["flac"], "pauses": {"chapter_ms": 900}}


@pytest.fixture
def harness(sqlite_database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    harness = WorkerHarness(sqlite_database, tmp_path / "data")
    yield harness
    harness.close()


def planned(harness: WorkerHarness, text: str = BOOK, **settings: object) -> OutlineRecord:
    planner = Planner(
        database=harness.database,
        stores=harness.stores,
        limits=harness.settings.limits,
        plan=partial(plan_document, harness.settings.limits),
        clock=harness.clock,
    )
    submission = Submission(
        owner="local",
        name="tale.md",
        media_type=None,
        data=text.encode(),
        settings=JobSettings.model_validate(TITLED | settings),
        destination=Destination(profile="default"),
    )
    return planner.make(submission).outline


def submit(harness: WorkerHarness, text: str = BOOK, **settings: object) -> str:
    return harness.submit(text, name="tale.md", **TITLED | settings)


@pytest.mark.parametrize("chapters", [None, [2, 4]])
def test_a_job_has_the_chunks_of_its_plan(
    harness: WorkerHarness, chapters: list[int] | None
) -> None:
    settings = JobSettings.model_validate(TITLED | {"chapters": chapters})
    outlined = outline(
        harness.settings.limits,
        BOOK.encode(),
        name="tale.md",
        media_type=None,
        settings=settings,
    )
    record = planned(harness, chapters=chapters)
    job_id = submit(harness, chapters=chapters)
    harness.deliver()
    job, chunks = harness.job(job_id), harness.chunks(job_id)
    assert job.state is JobState.SUCCEEDED
    assert [(c.start, c.end, c.spoken_text, c.pause_after_ms) for c in chunks] == [
        (c.start, c.end, c.spoken_text, c.pause_after_ms) for c in outlined.plan.chunks
    ]
    assert record.chunks == len(chunks)
    with session_scope(harness.database, is_read_only=True) as session:
        kept = get_plan(session, job_id)
    numbers = [chapter.number for chapter in kept.chapters]
    assert numbers == [c.number for c in record.chapters if c.chunks] == (chapters or [1, 2, 3, 4])


def test_every_character_of_chapters_left_out_is_accounted_for(harness: WorkerHarness) -> None:
    job_id = submit(harness, chapters=[3])
    harness.deliver()
    manifest = harness.manifest(job_id)
    left_out = [s for s in manifest["skipped"] if s["reason"] == "left_out"]
    text = "".join(BOOK[skip["start"] : skip["end"]] for skip in left_out)
    assert "".join(text.split()) == "".join(
        f"{title}{title}.{''.join(WORDS.split())}" for title in ("One", "Two", "Four")
    )
    assert [(c["number"], c["title"]) for c in manifest["chapters"]] == [(3, "Three")]
    assert [c["title"] for c in manifest["reading"]["chapters"]] == ["Three"]


def test_what_was_spoken_before_is_told_by_chapter(harness: WorkerHarness) -> None:
    before = planned(harness)
    assert (before.cached_s, before.chapters[1].cached_s) == (0, 0)
    submit(harness, chapters=[2])
    harness.deliver()
    after = planned(harness)
    own = [chapter for chapter in after.chapters if chapter.cached_s]
    assert [chapter.number for chapter in own] == [2]
    assert own[0].cached_s == own[0].audio_s == after.cached_s


def test_other_settings_find_nothing_that_was_spoken(harness: WorkerHarness) -> None:
    submit(harness)
    harness.deliver()
    assert planned(harness).cached_s == planned(harness).audio_s
    assert planned(harness, seed=7).cached_s == 0
    assert planned(harness, delivery={"temperature": 0.1}).cached_s == 0


@pytest.mark.parametrize(("word", "is_known"), [("mumbled", True), ("hopeless", False)])
def test_takes_that_were_flagged_count_as_a_worker_counts_them(
    harness: WorkerHarness, word: str, *, is_known: bool
) -> None:
    text = f"He {word} something to himself about the weather."
    submit(harness, text)
    harness.deliver()
    spoken = len(harness.engine.spoken)
    record = planned(harness, text)
    submit(harness, text)
    harness.deliver()
    assert (record.cached_s == record.audio_s) == is_known
    assert (len(harness.engine.spoken) == spoken) == is_known


def test_a_flagged_take_whose_successor_was_not_spoken_is_no_cached_chunk(
    harness: WorkerHarness,
) -> None:
    text = "He mumbled something to himself about the weather."
    submit(harness, text, quality={"max_takes": 1})
    harness.deliver()
    assert planned(harness, text).cached_s == 0
    assert planned(harness, text, quality={"max_takes": 1}).cached_s
    assert planned(harness, text, quality={"policy": "off"}).cached_s


def test_without_a_warm_worker_nothing_is_known_of_the_cache(harness: WorkerHarness) -> None:
    submit(harness)
    harness.deliver()
    harness.worker.drain()
    harness.worker.close()
    assert planned(harness).cached_s is None


def test_a_worker_reports_how_fast_it_speaks(harness: WorkerHarness) -> None:
    with session_scope(harness.database) as session:
        [worker] = warm_workers(session, now=harness.now)
        assert rendering_s(100.0, 50.0, [worker]) is None
        engine = WorkerEngine(identity=TONE, voices={}, speech_rate=10.0)
        report(
            session,
            worker.id,
            state=WorkerState.READY,
            slots=2,
            now=harness.now,
            engine=engine,
        )
        session.refresh(worker)
        assert rendering_s(100.0, 50.0, [worker]) == 5.0
