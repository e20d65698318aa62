"""The first chunk of a text that somebody waits for is spoken alone, the others together."""

from concurrent.futures import Future
from pathlib import Path

from sqlalchemy import Engine

from narration.broker.interface import Task
from tests.builders import make_text
from tests.contracts.urgent_queries import submission, submitter
from tests.fakes import ToneEngine
from tests.harness import WorkerHarness
from worker.engine.types import Speech, Utterance

CHUNK_S = 2.0  # longer than what a loaded machine needs between two chunks


class Watched(ToneEngine):
    """Notes at each chunk's submission how many chunks of jobs were being spoken."""

    def __init__(self) -> None:
        super().__init__(threads=16, chunk_s=CHUNK_S)
        self.under_way: list[Future[Speech]] = []
        self.company: list[int] = []

    def submit(self, utterance: Utterance) -> Future[Speech]:
        if utterance.turn:  # without one it measures a voice
            self.company.append(sum(not future.done() for future in self.under_way))
        speech = super().submit(utterance)
        if utterance.turn:
            self.under_way.append(speech)
        return speech


def test_the_first_chunk_has_the_engine_to_itself(sqlite_database: Engine, tmp_path: Path) -> None:
    engine = Watched()
    harness = WorkerHarness(sqlite_database, tmp_path, engine)
    submitter(harness.database).submit(submission(make_text(8)))  # two chunks per segment
    harness.deliver_only(Task.RENDER)
    assert engine.company[:4] == [0, 0, 0, 1]
    harness.close()


def test_a_narration_is_spoken_with_all_chunks_at_once(
    sqlite_database: Engine, tmp_path: Path
) -> None:
    engine = Watched()
    harness = WorkerHarness(sqlite_database, tmp_path, engine)
    harness.submit(make_text(6))
    harness.deliver()
    assert engine.company[:3] == [0, 1, 2]
    harness.close()
