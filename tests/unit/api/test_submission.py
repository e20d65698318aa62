"""A failure between checking and committing leaves nothing behind."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from sqlite3 import OperationalError
from typing import Any

import pytest
from sqlalchemy import Engine, event

from api.deps import Resources
from narration.database import session_scope
from narration.errors import StorageUnavailable
from narration.jobs import listing
from narration.jobs.create import Destination
from narration.jobs.document import examine_all
from narration.jobs.request import JobSettings
from narration.jobs.states import JobState
from narration.jobs.submission import Submission
from narration.jobs.submit import Submitter
from narration.storage.write_check import WriteCheck

BIG = b"A sentence that is repeated. " * 4000  # too large to be stored in a row


def submission(**fields: Any) -> Submission:
    values: dict[str, Any] = {
        "owner": "local",
        "name": "big.txt",
        "media_type": "text/plain",
        "data": BIG,
        "settings": JobSettings(),
        "destination": Destination(profile="default"),
    }
    return Submission(**values | fields)


@pytest.fixture
def submitter(resources: Resources) -> Submitter:
    limits = resources.settings.limits
    return Submitter(
        database=resources.database,
        stores=resources.stores,
        limits=limits,
        write_check=WriteCheck(resources.stores),
        examine=partial(examine_all, limits),
    )


@pytest.fixture
def broken_insert(resources: Resources) -> Iterator[None]:
    def refuse(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO jobs"):
            raise OperationalError("disk full")

    engine: Engine = resources.database
    event.listen(engine, "before_cursor_execute", refuse)
    yield
    event.remove(engine, "before_cursor_execute", refuse)


@pytest.mark.usefixtures("broken_insert")
def test_source_is_removed_if_its_row_cannot_be_written(
    resources: Resources, submitter: Submitter, broker: Any
) -> None:
    with pytest.raises(Exception, match="disk full"):
        submitter.submit(submission())
    assert [p for p in Path(resources.settings.objects_dir).rglob("*") if p.is_file()] == []
    assert broker.sent == []


def test_requests_that_differ_in_anything_have_other_fingerprints() -> None:
    variants = [
        submission(),
        submission(data=BIG + b"more"),
        submission(name="other.txt"),
        submission(media_type="text/markdown"),
        submission(settings=JobSettings(seed=1)),
        submission(destination=Destination(profile="default", prefix="books")),
    ]
    assert len({variant.fingerprint for variant in variants}) == len(variants)


def test_equal_requests_have_equal_fingerprints() -> None:
    assert submission().fingerprint == submission(idempotency_key="k").fingerprint


class DeafStore:
    def put(self, *_: Any, **__: Any) -> None:
        raise StorageUnavailable("the store does not answer")


def test_store_that_does_not_answer_refuses_the_job(
    resources: Resources, submitter: Submitter
) -> None:
    deaf: Any = DeafStore()
    stores = replace(resources.stores, work=deaf)
    with pytest.raises(StorageUnavailable):
        replace(submitter, stores=stores).submit(submission())
    with session_scope(resources.database) as session:
        assert listing.count_jobs(session)[JobState.QUEUED] == 0
