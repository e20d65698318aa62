"""One run: cases, two workers, injected faults, verdict."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from narration.database import make_engine
from narration.migrate import migrate
from narration.settings import ModelSettings, Settings
from tests.api_process import Api
from tests.cluster import Cluster, open_cluster
from tests.faults.audience import open_audience
from tests.faults.cases import make_cases
from tests.faults.injector import CHUNK_S, WORKERS, FaultInjector
from tests.faults.proxy import FaultyProxy
from tests.faults.verdict import Verdict, judge, undisturbed
from tests.harness import WorkerHarness
from tests.servers import Postgres, SeaweedFS, Valkey
from tests.sweeper_process import SweeperProcess


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The faults that were injected, and how the jobs ended."""

    jobs: int
    chunks: int
    ends: Counter[str]
    faults: Counter[str]
    verdict: Verdict
    took_s: float


def run_suite(
    folder: Path,
    postgres: Postgres,
    valkey: Valkey,
    seaweedfs: SeaweedFS,
    *,
    jobs: int,
    seed: int,
    timeout_s: float,
    checkpoint: Path | None = None,
) -> Report:
    """Submit the cases, inject faults, wait for every job to end, and compare.

    Workers make tones, or speak with the model in `checkpoint`; then each engine has a process of
    its own.
    """
    cases = make_cases(jobs, seed, are_speakable=checkpoint is not None)
    expected = undisturbed(cases, _harness(folder / "undisturbed", checkpoint))
    proxy = FaultyProxy(seaweedfs.port)
    began = time.monotonic()
    try:
        with open_cluster(
            folder,
            postgres,
            valkey,
            seaweedfs,
            s3_endpoint_url=proxy.url,
            checkpoint=checkpoint,
            has_own_process=True,
            # Workers are killed often here, whichever chunk they speak.
            poison_losses=20,
            step_tries=50,
            retry_max_s=3,
            has_sweeper=False,
        ) as cluster:
            for _ in range(WORKERS):
                cluster.start_worker(chunk_s=CHUNK_S)
            cluster.wait_until_ready(WORKERS)
            with (
                _open_service(cluster) as service,
                open_audience(cluster, service[0], seed) as told,
            ):
                job_ids = [cluster.submit(case.text, **case.settings) for case in cases]
                injector = FaultInjector(
                    cluster,
                    proxy,
                    service,
                    job_ids=job_ids,
                    seed=seed,
                    has_engines=checkpoint is not None,
                )
                injector.start()
                try:
                    ended = cluster.wait(job_ids, timeout_s)
                finally:
                    injector.stop()
                took_s = time.monotonic() - began
                time.sleep(cluster.settings.worker.lease_s)  # late workers could still do harm
                verdict = judge(cluster, cases, job_ids, expected)
                told.judge(job_ids, verdict)
                return Report(
                    jobs=len(cases),
                    chunks=sum(job.chunks_total for job in ended),
                    ends=Counter(job.state.value for job in ended),
                    faults=injector.counts + Counter(told.counts()),
                    verdict=verdict,
                    took_s=took_s,
                )
    finally:
        proxy.close()


@contextmanager
def _open_service(cluster: Cluster) -> Iterator[tuple[Api, SweeperProcess]]:
    """The API and the sweeper as processes, so that they can be killed, too."""
    api, sweeper = Api(cluster), SweeperProcess(cluster)
    try:
        sweeper.start()
        api.start()
        yield api, sweeper
    finally:
        api.close()
        sweeper.close()


def _harness(folder: Path, checkpoint: Path | None) -> WorkerHarness:
    folder.mkdir()
    url = f"sqlite:///{folder / 'rhapsode.db'}"
    migrate(url)
    if checkpoint is None:
        return WorkerHarness(make_engine(url), folder)
    from worker.model import load_model

    settings = Settings(model=ModelSettings(checkpoint=str(checkpoint)), data_dir=folder)
    return WorkerHarness(make_engine(url), folder, load_model(settings))
