"""A backup taken while jobs run, restored to other servers; workers replaced under load."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from narration.jobs.states import JobState
from tests.builders import make_text
from tests.cluster import Cluster, open_cluster, wait_for
from tests.servers import Postgres, SeaweedFS, Valkey


@pytest.fixture
def cluster(
    tmp_path: Path, postgres: Postgres, valkey: Valkey, seaweedfs: SeaweedFS
) -> Iterator[Cluster]:
    with open_cluster(tmp_path, postgres, valkey, seaweedfs) as cluster:
        yield cluster


def sounds(cluster: Cluster, job_ids: list[str]) -> list[str]:
    return [cluster.artifacts(job_id)["audio.flac"].sha256 for job_id in job_ids]


def test_jobs_go_on_from_a_backup_that_was_taken_in_their_midst(
    cluster: Cluster, tmp_path: Path
) -> None:
    cluster.start_worker(chunk_s=0.1)
    delivered = cluster.submit(make_text(2, name="a note"))
    cluster.wait([delivered])
    under_way = [cluster.submit(make_text(40, name=name)) for name in ("a tale", "a book")]
    wait_for(lambda: cluster.job(under_way[0]).chunks_done > 2, 60, "finished chunks")
    waiting = cluster.submit(make_text(3, name="a letter"))
    backup = cluster.backup()
    assert cluster.job(under_way[-1]).state is JobState.RENDERING
    job_ids = [delivered, *under_way, waiting]
    cluster.wait(job_ids)
    expected = sounds(cluster, job_ids)
    cluster.close()

    folder = tmp_path / "restored"
    folder.mkdir()
    servers = cluster.postgres, cluster.valkey, cluster.seaweedfs
    with open_cluster(folder, *servers, restored=backup) as restored:
        assert restored.job(delivered).state is JobState.SUCCEEDED
        assert restored.job(under_way[-1]).state is JobState.RENDERING
        spoken = restored.job(under_way[0]).chunks_done
        restored.start_worker()
        assert {job.state for job in restored.wait(job_ids)} == {JobState.SUCCEEDED}
        assert spoken > 0
        assert sounds(restored, job_ids) == expected
        store = restored.stores.work
        for job_id in job_ids:
            for artifact in restored.artifacts(job_id).values():
                assert store.stat(artifact.key).size_bytes == artifact.size_bytes


def test_workers_are_replaced_one_after_another_while_jobs_run(cluster: Cluster) -> None:
    workers = [cluster.start_worker(chunk_s=0.05) for _ in range(2)]
    job_ids = [cluster.submit(make_text(20, name=f"book {number}")) for number in range(2)]
    wait_for(lambda: cluster.job(job_ids[0]).chunks_done > 2, 60, "finished chunks")
    for worker in workers:
        cluster.start_worker(chunk_s=0.05)
        assert worker.end(signal.SIGTERM) == 0
    for job in cluster.wait(job_ids):
        assert (job.state, job.attempt) == (JobState.SUCCEEDED, 1)
    for job_id in job_ids:
        assert all(chunk.losses == 0 for chunk in cluster.chunks(job_id))
