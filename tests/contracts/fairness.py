"""Which jobs get the two workers of two slots each, in simulated time.

Subclasses provide a `database`.
"""

import heapq
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Engine

from narration.database import session_scope
from narration.jobs.segment_claim import SegmentClaim
from tests.builders import LEASE, NOW, claim_segment, make_job, plan_job, speak

WORKERS = ("north", "south")
SLOTS = 2
WINDOW = 4
SEGMENT_S = 240  # sixteen chunks of fifteen seconds each
BOOK_SEGMENTS = 12 * 3600 // SEGMENT_S  # twelve hours
ARTICLE_SEGMENTS = 1  # two minutes


@dataclass
class Simulation:
    """Workers that take a segment whenever a slot is free, each for the same time."""

    database: Engine
    now_s: float = 0.0
    running: list[tuple[float, int, str, SegmentClaim]] = field(default_factory=list)
    done: list[tuple[float, str]] = field(default_factory=list)
    shared: set[frozenset[str]] = field(default_factory=set)
    count: int = 0

    def submit(self, segments: int, *, priority: int = 5) -> str:
        with session_scope(self.database) as session:
            now = NOW + timedelta(seconds=self.now_s)
            job = make_job(session, now=now, priority=priority)
            plan_job(session, job, chunks=segments, segment_chunks=1)
            return job.id

    def run(self, until_s: float) -> None:
        while True:
            self._fill()
            if not self.running or self.running[0][0] > until_s:
                self.now_s = until_s
                return
            self.now_s, _, _, claim = heapq.heappop(self.running)
            with session_scope(self.database) as session:
                speak(session, claim)
            self.done.append((self.now_s, claim.job_id))

    def _fill(self) -> None:
        for holder in WORKERS:
            while sum(name == holder for _, _, name, _ in self.running) < SLOTS:
                with session_scope(self.database) as session:
                    claim = claim_segment(
                        session,
                        holder,
                        now=NOW + timedelta(seconds=self.now_s),
                        until=NOW + timedelta(seconds=self.now_s) + 100 * LEASE,
                        window_segments=WINDOW,
                    )
                if claim is None:
                    break
                self.count += 1
                ends_at = self.now_s + SEGMENT_S
                heapq.heappush(self.running, (ends_at, self.count, holder, claim))
        self.shared.add(frozenset(name for _, _, name, _ in self.running))


class FairnessContract:
    """How long a short text waits while somebody renders a library."""

    def test_article_does_not_wait_for_the_book_before_it(self, database: Engine) -> None:
        simulation = Simulation(database)
        simulation.submit(BOOK_SEGMENTS)
        simulation.run(1000)
        article = simulation.submit(ARTICLE_SEGMENTS)
        simulation.run(4000)
        ended_s = next(at for at, job_id in simulation.done if job_id == article)
        alone_s = ARTICLE_SEGMENTS * SEGMENT_S
        assert ended_s - 1000 <= alone_s + SEGMENT_S

    def test_book_uses_both_workers_at_once(self, database: Engine) -> None:
        simulation = Simulation(database)
        simulation.submit(BOOK_SEGMENTS)
        simulation.run(2000)
        assert frozenset(WORKERS) in simulation.shared

    def test_two_books_share_the_workers_evenly(self, database: Engine) -> None:
        simulation = Simulation(database)
        first, second = simulation.submit(40), simulation.submit(40)
        simulation.run(10 * SEGMENT_S)
        counts = [sum(job_id == book for _, job_id in simulation.done) for book in (first, second)]
        assert abs(counts[0] - counts[1]) <= WINDOW
        assert sum(counts) == 10 * SLOTS * len(WORKERS)

    def test_urgent_job_overtakes(self, database: Engine) -> None:
        simulation = Simulation(database)
        simulation.submit(40)
        simulation.run(500)
        urgent = simulation.submit(8, priority=9)
        simulation.run(500 + 4 * SEGMENT_S)
        assert sum(job_id == urgent for _, job_id in simulation.done) == 8
