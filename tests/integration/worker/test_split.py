"""A file for each chapter, from the same parts as the whole; on SQLite and a directory."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sqlalchemy import Engine

from narration.jobs.states import JobState
from tests.builders import make_text
from tests.harness import WorkerHarness
from worker.assembly.probe import probe

TITLES = ["One: «Träume»/..", "Zwei", "第三"]
BOOK = "\n\n".join(f"# {title}\n\n{make_text(3, name=title)}" for title in TITLES)
NAMES = ["01-One-Traume", "02-Zwei", "03"]


@pytest.fixture
def harness(sqlite_database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    harness = WorkerHarness(sqlite_database, tmp_path / "data")
    yield harness
    harness.close()


def narrate(harness: WorkerHarness, **settings: object) -> str:
    job_id = harness.submit(BOOK, name="tale.md", other_language="read", **settings)
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED, harness.job(job_id).error
    return job_id


@pytest.mark.parametrize("chapter_ms", [1800, 80, 0])
def test_each_chapter_is_a_file_of_its_own_length(
    harness: WorkerHarness, tmp_path: Path, chapter_ms: int
) -> None:
    outputs = ["m4b", "mp3", "opus", "flac"]
    job_id = narrate(harness, outputs=outputs, split="chapter", pauses={"chapter_ms": chapter_ms})
    manifest = harness.manifest(job_id)
    assert [record["name"] for record in manifest["outputs"]] == [
        f"{name}.{output}" for output in outputs for name in NAMES
    ]
    starts = [chapter["start_s"] for chapter in manifest["chapters"]]
    ends = [*starts[1:], manifest["programme"]["duration_s"]]
    artifacts = harness.artifacts(job_id)
    for record in manifest["outputs"]:
        number = record["chapter"] - 1
        path = tmp_path / record["name"]
        path.write_bytes(harness.read(artifacts[record["name"]]))
        expected_s = ends[number] - starts[number]
        assert record["duration_ms"] / 1000 == pytest.approx(expected_s, abs=0.002)
        assert probe(path).duration_s == pytest.approx(expected_s, abs=0.03)


def test_chapters_one_after_the_other_are_the_whole(harness: WorkerHarness) -> None:
    whole = narrate(harness, outputs=["flac"])
    spoken = len(harness.engine.spoken)
    split = narrate(harness, outputs=["flac"], split="chapter")
    assert len(harness.engine.spoken) == spoken
    pieces = [decoded(harness, split, f"{name}.flac") for name in NAMES]
    assert np.array_equal(np.concatenate(pieces), decoded(harness, whole, "audio.flac"))


def test_captions_begin_anew_with_each_chapter(harness: WorkerHarness) -> None:
    job_id = narrate(harness, outputs=["vtt"], split="chapter")
    for name, title in zip(NAMES, TITLES, strict=True):
        text = harness.read(harness.artifacts(job_id)[f"{name}.vtt"]).decode()
        assert text.startswith(f"WEBVTT\n\nNOTE Chapter: {title}\n\n00:00:00.000 --> ")
        assert sum(other in text for other in TITLES) == 1


def test_chosen_chapters_keep_their_numbers_in_their_names(harness: WorkerHarness) -> None:
    job_id = narrate(harness, outputs=["mp3"], split="chapter", chapters=[2, 3])
    assert set(harness.artifacts(job_id)) == {"02-Zwei.mp3", "03.mp3", "manifest.json"}


def decoded(harness: WorkerHarness, job_id: str, name: str) -> np.ndarray:
    data, _ = soundfile.read(io.BytesIO(harness.read(harness.artifacts(job_id)[name])))
    return np.asarray(data)
