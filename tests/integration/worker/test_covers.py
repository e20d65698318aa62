"""The cover and the metadata of a work on their way from the document to its files."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from narration.database import session_scope
from narration.ids import new_id
from narration.jobs.create import Destination, Source, new_job
from narration.jobs.lookup import get_plan
from narration.jobs.purge import delete_job
from narration.jobs.request import JobSettings
from narration.jobs.states import JobState
from narration.jobs.transitions import insert_jobs
from narration.storage.keys import cover_key
from tests.builders import NOW, OWNER
from tests.epubs import make_epub
from tests.harness import WorkerHarness
from tests.pictures import make_png
from worker.assembly.tags import make_tags, read_cover

METADATA = (
    "<dc:title>Rivers</dc:title><dc:creator>A. Writer</dc:creator><dc:date>1913</dc:date>"
    "<dc:publisher>The Press</dc:publisher><dc:description>A tale.</dc:description>"
)
PAGE = "<p>The rain had fallen all night upon the hills, and now it stopped.</p>"


@pytest.fixture(params=["sqlite_database", "postgres_database"])
def database(request: pytest.FixtureRequest) -> Engine:
    return request.getfixturevalue(request.param)


@pytest.fixture
def harness(database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    harness = WorkerHarness(database, tmp_path)
    yield harness
    harness.close()


def _submit(harness: WorkerHarness, data: bytes, cover: bytes | None = None, **more: Any) -> str:
    job_id = new_id("job", NOW)
    if cover is not None:
        harness.stores.work.put(cover_key(job_id), cover, media_type="image/png")
    with session_scope(harness.database) as session:
        job = new_job(
            session,
            job_id=job_id,
            owner=OWNER,
            settings=JobSettings.model_validate({"outputs": ["m4b"], **more}),
            source=Source(
                name="book.epub",
                media_type="application/epub+zip",
                size_bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                data=data,
            ),
            destination=Destination(profile="default"),
            now=NOW,
        )
        insert_jobs(session, [job], now=NOW)
    return job_id


def _book(cover: bytes) -> bytes:
    items = '<item id="c" href="c.png" media-type="image/png" properties="cover-image"/>'
    return make_epub({"a": PAGE}, metadata=METADATA, items=items, files={"OEBPS/c.png": cover})


def _tags(harness: WorkerHarness, job_id: str) -> Any:
    with session_scope(harness.database, is_read_only=True) as session:
        plan = get_plan(session, job_id)
    job = harness.job(job_id)
    return make_tags(job, plan, watermark=None, cover=read_cover(harness.stores.work, job, plan))


def test_a_books_own_cover_and_metadata_are_its_files(harness: WorkerHarness) -> None:
    job_id = _submit(harness, _book(make_png(2)))
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED
    tags = _tags(harness, job_id)
    assert (tags.title, tags.author, tags.date) == ("Rivers", "A. Writer", "1913")
    assert (tags.publisher, tags.description) == ("The Press", "A tale.")
    assert (tags.cover.data, tags.cover.media_type) == (make_png(2), "image/png")
    audio = harness.read(harness.artifacts(job_id)["audio.m4b"])
    assert audio[8:12] == b"M4B "


def test_a_callers_cover_and_title_count_more(harness: WorkerHarness) -> None:
    job_id = _submit(harness, _book(make_png(2)), make_png(3), title="Streams")
    harness.deliver()
    tags = _tags(harness, job_id)
    assert (tags.title, tags.cover.data) == ("Streams", make_png(3))


def test_a_cover_that_cannot_be_shown_is_left_out(harness: WorkerHarness) -> None:
    job_id = _submit(harness, _book(b"GIF89a"))
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED
    assert _tags(harness, job_id).cover is None


def test_a_deleted_job_takes_its_cover_along(harness: WorkerHarness) -> None:
    job_id = _submit(harness, _book(make_png(2)))
    harness.deliver()
    assert harness.stores.work.stat(cover_key(job_id)) is not None
    with session_scope(harness.database) as session:
        delete_job(session, harness.stores, job_id, now=NOW)
    assert harness.stores.work.stat(cover_key(job_id)) is None
