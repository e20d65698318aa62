"""Injects faults at random times from a seeded generator."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import islice

from narration.broker.interface import Task
from narration.errors import StorageUnavailable
from narration.storage.keys import PARTS
from tests.api_process import Api
from tests.cluster import Cluster, wait_for
from tests.faults.proxy import FaultyProxy, StoreFault
from tests.spawned_worker import SpawnedWorker
from tests.sweeper_process import SweeperProcess

PAUSE_S = (0.5, 2.0)  # between two faults
FAULT_S = 2.5
WORKERS = 2
MOST_HARMED = 40  # parts at once
FOR_ONE, FOR_ANY = (Task.PLAN, Task.ASSEMBLE), (Task.RENDER, Task.ENCODE, Task.NOTIFY)
CHUNK_S = 0.05  # the time to speak a chunk


class FaultInjector:
    """Injects faults until each has occurred often enough and the jobs have ended."""

    def __init__(
        self,
        cluster: Cluster,
        proxy: FaultyProxy,
        service: tuple[Api, SweeperProcess],
        *,
        job_ids: list[str],
        seed: int,
        has_engines: bool = False,
    ) -> None:
        """`has_engines`: whether each worker's engine has a process of its own."""
        self.counts: Counter[str] = Counter()
        self._cluster = cluster
        self._proxy = proxy
        self._api, self._sweeper = service
        self._job_ids = job_ids
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._faults: dict[str, Callable[[], None]] = {
            "worker killed (SIGKILL)": self._kill,
            **({"engine killed (SIGKILL)": self._kill_engine} if has_engines else {}),
            "worker frozen past its lease (SIGSTOP)": self._freeze,
            "API killed (SIGKILL)": self._kill_api,
            "sweeper killed (SIGKILL)": self._sweeper.kill,
            "broker flushed": self._flush,
            "Postgres restarted": self._restart,
            "parts lost or damaged in the store": self._harm_parts,
            **{
                f"S3 {fault.value}": self._store_fault(fault)
                for fault in StoreFault
                if fault is not StoreFault.NONE
            },
        }

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._supervise()

    def _run(self) -> None:
        while not self._stop.is_set():
            names = list(self._faults)
            self._random.shuffle(names)
            for name in names:
                if self._stop.wait(self._random.uniform(*PAUSE_S)):
                    return
                self._supervise()
                self._faults[name]()
                self.counts[name] += 1
                self._send_spurious_messages()

    def _supervise(self) -> None:
        """Replace each worker that is gone, as a supervisor would."""
        for _ in range(WORKERS - len(self._alive())):
            self._cluster.start_worker(chunk_s=CHUNK_S)
        if not self._sweeper.is_alive():
            self._sweeper.start()

    def _kill_api(self) -> None:
        self._api.kill()
        self._api.start()

    def _kill(self) -> None:
        worker = self._random.choice(self._alive())
        worker.send(signal.SIGKILL)
        worker.wait(30)

    def _kill_engine(self) -> None:
        worker = self._random.choice(self._alive())
        wait_for(lambda: worker.engine_pid or not worker.is_alive(), 60, "engine")
        if (engine := worker.engine_pid) is not None:
            with suppress(ProcessLookupError):
                os.kill(engine, signal.SIGKILL)
        worker.wait(30)

    def _freeze(self) -> None:
        worker = self._random.choice(self._alive())
        worker.send(signal.SIGSTOP)
        time.sleep(self._cluster.settings.worker.lease_s * 1.5)
        worker.send(signal.SIGCONT)

    def _flush(self) -> None:
        self._cluster.valkey.client().flushall()

    def _restart(self) -> None:
        self._cluster.postgres.restart()

    def _harm_parts(self) -> None:
        store = self._cluster.stores.work
        with suppress(StorageUnavailable):
            for info in list(islice(store.find(PARTS), MOST_HARMED)):
                if self._random.random() < 0.5:
                    store.delete(info.key)
                else:
                    store.put(info.key, b"not what was stored")

    def _store_fault(self, fault: StoreFault) -> Callable[[], None]:
        def misbehave() -> None:
            self._proxy.fault = fault
            time.sleep(FAULT_S)
            self._proxy.fault = StoreFault.NONE

        return misbehave

    def _send_spurious_messages(self) -> None:
        """Send messages twice, late, and for the wrong step."""
        for _ in range(10):
            task = self._random.choice((*FOR_ONE, *FOR_ANY))
            is_for_any = task in FOR_ANY
            ids = [] if is_for_any else [self._random.choice(self._job_ids)]
            self._cluster.broker.send(task, *ids)
            self.counts["messages doubled or out of order"] += 1

    def _alive(self) -> list[SpawnedWorker]:
        return [worker for worker in self._cluster.workers if worker.is_alive()]
