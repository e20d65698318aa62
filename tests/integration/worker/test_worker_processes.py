"""Real worker processes on Postgres, Valkey and SeaweedFS."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from narration.database import session_scope
from narration.jobs.record import Segment
from narration.jobs.states import JobState, SegmentState
from tests.builders import make_text
from tests.cluster import Cluster, open_cluster, wait_for
from tests.fakes import DEADLY, POISONED
from tests.servers import Postgres, SeaweedFS, Valkey
from worker.process import EXIT_ENGINE_DIED


@pytest.fixture
def cluster(
    tmp_path: Path, postgres: Postgres, valkey: Valkey, seaweedfs: SeaweedFS
) -> Iterator[Cluster]:
    with open_cluster(tmp_path, postgres, valkey, seaweedfs) as cluster:
        yield cluster


def test_job_ends_as_audio_in_the_bucket(cluster: Cluster) -> None:
    cluster.start_worker("cpu")
    cluster.start_worker("gpu")
    job_id = cluster.submit(make_text(5), outputs=["mp3", "m4b", "srt"])
    (job,) = cluster.wait([job_id])
    assert job.state is JobState.SUCCEEDED
    artifacts = cluster.artifacts(job_id)
    assert sorted(artifacts) == ["audio.m4b", "audio.mp3", "captions.srt", "manifest.json"]
    store = cluster.stores.work
    for artifact in artifacts.values():
        assert store.stat(artifact.key).size_bytes == artifact.size_bytes
    manifest = json.loads(store.get(artifacts["manifest.json"].key))
    assert len(manifest["chunks"]) == job.chunks_total


def test_killed_worker_is_replaced(cluster: Cluster) -> None:
    first = cluster.start_worker(chunk_s=0.3)
    job_id = cluster.submit(make_text(12))
    wait_for(lambda: cluster.job(job_id).chunks_done > 2, 60, "finished chunks")
    first.send(signal.SIGKILL)
    cluster.start_worker()
    (job,) = cluster.wait([job_id])
    assert (job.state, job.chunks_done) == (JobState.SUCCEEDED, job.chunks_total)


def test_terminated_worker_hands_back_within_its_grace_period(cluster: Cluster) -> None:
    worker = cluster.start_worker(chunk_s=0.3)
    job_id = cluster.submit(make_text(40))
    wait_for(lambda: cluster.job(job_id).chunks_done > 2, 60, "finished chunks")
    began = time.monotonic()
    assert worker.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < 10
    assert cluster.job(job_id).state is JobState.RENDERING
    assert all(chunk.losses == 0 for chunk in cluster.chunks(job_id))
    cluster.start_worker()
    (job,) = cluster.wait([job_id])
    assert job.state is JobState.SUCCEEDED


def test_worker_whose_engine_died_goes_and_says_so(cluster: Cluster) -> None:
    worker = cluster.start_worker()
    cluster.submit(f"This is a {DEADLY} line of the tale.")
    assert worker.wait(60) == EXIT_ENGINE_DIED


def test_chunk_that_kills_every_worker_fails_alone(cluster: Cluster) -> None:
    cluster.start_worker("cpu")
    job_id = cluster.submit(f"{make_text(3)}\n\nThis is a {POISONED} line of the tale.")
    for _ in range(cluster.settings.worker.poison_losses):
        worker = cluster.start_worker("gpu")
        assert worker.wait(60) == -signal.SIGKILL
    cluster.start_worker("gpu")
    (job,) = cluster.wait([job_id])
    assert (job.state, job.chunks_failed) == (JobState.FAILED, 1)
    assert job.error.code == "chunk_failed"
    assert job.chunks_done == job.chunks_total
    (culprit,) = [chunk for chunk in cluster.chunks(job_id) if chunk.error]
    assert POISONED in culprit.text


def test_worker_without_a_broker_starts_when_it_comes(cluster: Cluster) -> None:
    cluster.valkey.client().flushall()
    job_id = cluster.submit(make_text(1))
    cluster.valkey.client().flushall()  # the message is gone; the sweeper sends another
    cluster.start_worker()
    assert cluster.wait([job_id])[0].state is JobState.SUCCEEDED


def test_article_is_spoken_while_the_book_before_it_uses_both_workers(cluster: Cluster) -> None:
    for _ in range(2):
        cluster.start_worker(chunk_s=0.1)
    cluster.wait_until_ready(2)
    book = cluster.submit(make_text(260, name="the book"))
    wait_for(lambda: len(holders(cluster, book)) == 2, 60, "a book on both workers")
    article = cluster.submit(make_text(3, name="the article"))
    jobs = cluster.wait([article, book], timeout_s=180)
    assert [job.state for job in jobs] == [JobState.SUCCEEDED, JobState.SUCCEEDED]
    # Not its delivery: on two busy cores that may wait until the encoders have caught up.
    spoken = [cluster.job(job_id).rendered_at for job_id in (article, book)]
    assert spoken[0] is not None
    assert spoken[1] is not None
    assert spoken[0] < spoken[1]


def holders(cluster: Cluster, job_id: str) -> set[str | None]:
    with session_scope(cluster.database) as session:
        query = select(Segment.lease_holder).where(
            Segment.job_id == job_id, Segment.state == SegmentState.RENDERING
        )
        return set(session.scalars(query))
