"""Workers whose engines have processes of their own, and the jobs of one that dies."""

import os
import signal
from pathlib import Path

from narration.jobs.states import JobState
from tests.cluster import open_cluster, wait_for
from tests.servers import Postgres, SeaweedFS, Valkey
from training.tiny_checkpoint import write_checkpoint
from worker.process import EXIT_ENGINE_DIED

TEXT = "\n\n".join(f"This is paragraph {number} of a tale that is told." for number in range(12))


def test_a_job_outlives_the_process_of_its_engine(
    tmp_path: Path,
    postgres: Postgres,
    valkey: Valkey,
    seaweedfs: SeaweedFS,
) -> None:
    checkpoint = tmp_path / "tiny"
    write_checkpoint(checkpoint, seed=0)
    with open_cluster(
        tmp_path,
        postgres,
        valkey,
        seaweedfs,
        checkpoint=checkpoint,
        has_own_process=True,
        segment_chunks=4,
    ) as cluster:
        cluster._environment["OMP_NUM_THREADS"] = "1"
        first = cluster.start_worker()
        job_id = cluster.submit(TEXT, outputs=["flac"])
        wait_for(lambda: cluster.job(job_id).chunks_done, 120, "the first chunk")
        engine = first.engine_pid
        assert engine is not None
        os.kill(engine, signal.SIGKILL)
        assert first.wait(60) == EXIT_ENGINE_DIED
        assert not Path(f"/proc/{engine}").exists()

        second = cluster.start_worker()
        [job] = cluster.wait([job_id], 120)
        assert (job.state, job.chunks_failed) == (JobState.SUCCEEDED, 0)
        engine = second.engine_pid
        assert engine is not None
        assert second.end() == 0
        assert not Path(f"/proc/{engine}").exists()
