"""What came of a load of followers: events that were lost or doubled, delays, memory and cores."""

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.bench.event_clients import Received
from tests.bench.load import Load
from tests.bench.process_tree import cpu_s, memory_mb

LOOK_S = 2.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFigures:
    """Memory of the API's own processes, and the cores that everything took during the load."""

    memory_mb: dict[str, float]
    cores: dict[str, float]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """All figures of one run."""

    followers: int
    connect_s: float
    follower_faults: int
    first_fault: str | None
    expected_events: int
    received_events: int
    lost_events: int
    doubled_events: int
    followers_out_of_order: int
    event_delay_ms: dict[str, float]
    submissions: int
    rate: float
    refused_submissions: int
    failed_cancels: int
    submission_ms: dict[str, float]
    machine: MachineFigures


class Machine:
    """Looks at processes by name while a load lasts."""

    def __init__(self, pids: dict[str, list[int]], *, api_pids: list[int]) -> None:
        self._pids = pids
        self._api_pids = api_pids
        self._memory_mb = {"before followers": self._memory()}
        self._most = 0.0
        self._cores: dict[str, float] = {}
        self._seconds = 0.0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure what happens meanwhile."""
        self._memory_mb["all connected"] = self._memory()
        is_over = threading.Event()
        looking = threading.Thread(target=self._look, args=(is_over,))
        looking.start()
        began, before, busy_s = time.perf_counter(), self._cpu(), _busy_s()
        try:
            yield
        finally:
            self._seconds = time.perf_counter() - began
            used = {name: after - before[name] for name, after in self._cpu().items()}
            # The rest includes this process, which waits, and whatever else runs here.
            used["others"] = _busy_s() - busy_s - sum(used.values())
            self._cores = {name: spent / self._seconds for name, spent in used.items()}
            is_over.set()
            looking.join()
            self._memory_mb["most"] = self._most
            self._memory_mb["at the end"] = self._memory()

    def figures(self) -> MachineFigures:
        """Return what was measured."""
        return MachineFigures(memory_mb=self._memory_mb, cores=self._cores, seconds=self._seconds)

    def _look(self, is_over: threading.Event) -> None:
        while not is_over.wait(LOOK_S):
            self._most = max(self._most, self._memory())

    def _memory(self) -> float:
        return memory_mb(self._api_pids)

    def _cpu(self) -> dict[str, float]:
        return {name: sum(map(cpu_s, pids)) for name, pids in self._pids.items()}


def compare(
    expected: list[list[str]],
    received: list[Received],
    *,
    load: Load,
    machine: MachineFigures,
    connect_s: float,
    failed_cancels: int,
) -> Audience:
    """Compare what each follower got with what it should have got."""
    lost = doubled = disordered = 0
    for wanted, got in zip(expected, received, strict=True):
        wanted_once, got_once = Counter(wanted), Counter(got.ids)
        lost += (wanted_once - got_once).total()
        doubled += (got_once - wanted_once).total()
        disordered += wanted_once == got_once and wanted != got.ids
    faults = [got.fault for got in received if got.fault is not None]
    delays_ms = [1000 * delay for got in received for delay in got.delays_s]
    return Audience(
        followers=len(received),
        connect_s=connect_s,
        follower_faults=len(faults),
        first_fault=faults[0] if faults else None,
        expected_events=sum(map(len, expected)),
        received_events=sum(len(got.ids) for got in received),
        lost_events=lost,
        doubled_events=doubled,
        followers_out_of_order=disordered,
        event_delay_ms=_spread(delays_ms),
        submissions=load.sent,
        rate=load.rate,
        refused_submissions=load.refused,
        failed_cancels=failed_cancels,
        submission_ms=_spread(load.latencies_ms),
        machine=machine,
    )


def show(audience: Audience) -> None:
    """Print the figures."""
    load, machine = os.getloadavg()[0], audience.machine
    table = Table(title=f"{os.cpu_count()} cores, load {load:.1f} at the end")
    table.add_column("what")
    table.add_column("figure")
    a = audience
    for name, figure in (
        ("followers", f"{a.followers:,}, connected within {a.connect_s:.1f} s"),
        ("followers that failed", f"{a.follower_faults} {a.first_fault or ''}"),
        ("events, to all followers", f"{a.received_events:,} of {a.expected_events:,}"),
        ("lost, doubled", f"{a.lost_events}, {a.doubled_events}"),
        ("followers out of order", str(a.followers_out_of_order)),
        ("from event to follower", _shown(a.event_delay_ms)),
        ("submissions", f"{a.submissions:,} at {a.rate:g}/s in {machine.seconds:.1f} s"),
        ("refused or failed", f"{a.refused_submissions}, cancellations {a.failed_cancels}"),
        ("submission", _shown(a.submission_ms)),
        ("memory of the API", ", ".join(f"{k} {v:.0f} MB" for k, v in machine.memory_mb.items())),
        ("cores", ", ".join(f"{k} {v:.2f}" for k, v in machine.cores.items())),
    ):
        table.add_row(name, figure)
    Console(width=120).print(table)


def _spread(values_ms: list[float]) -> dict[str, float]:
    if not values_ms:
        return {}
    p50, p95, p99 = np.percentile(values_ms, [50, 95, 99])
    return {"p50": float(p50), "p95": float(p95), "p99": float(p99), "most": max(values_ms)}


def _shown(spread: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:,.0f} ms" for name, value in spread.items())


def _busy_s() -> float:
    """Return the processor time of the whole machine, from `man 5 proc_stat`."""
    fields = [int(text) for text in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, _steal = fields
    return (user + nice + system + irq + softirq) / _TICKS_PER_S
