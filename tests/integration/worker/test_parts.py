"""Whole jobs whose lossy files are joined from parts, on SQLite and a directory."""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from sqlalchemy import Engine, delete, select, update

from narration.broker.interface import Task
from narration.database import make_engine, session_scope
from narration.jobs.parts import get_parts
from narration.jobs.record import Chunk, Job, Part
from narration.jobs.sound_record import ChunkAudio, PartAudio
from narration.jobs.states import JobState, PartState
from narration.migrate import migrate
from narration.storage.keys import chunk_audio_key, part_audio_key
from narration.voices.record import VoiceLevelRow
from tests.builders import make_text
from tests.harness import WorkerHarness
from tests.meter import meter
from worker.assembly.encoding import encode_next
from worker.assembly.probe import probe

LOSSY = ["m4b", "mp3", "opus"]
OUTPUTS = [*LOSSY, "flac"]
SENTENCES = 16  # about two minutes of tones: parts of 5, 10, 20 and 60 s

Setup = Callable[..., WorkerHarness]


@pytest.fixture
def new_harness(tmp_path: Path) -> Iterator[Setup]:
    """Return a maker of harnesses, each on a database and a folder of its own."""
    with ExitStack() as stack:
        made: list[WorkerHarness] = []

        def make(**worker: object) -> WorkerHarness:
            folder = tmp_path / str(len(made))
            folder.mkdir()
            url = f"sqlite:///{folder / 'rhapsode.db'}"
            migrate(url)
            engine = make_engine(url)
            stack.callback(engine.dispose)
            made.append(WorkerHarness(engine, folder, worker=worker))
            stack.callback(made[-1].close)
            return made[-1]

        yield make


@pytest.fixture
def harness(sqlite_database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    harness = WorkerHarness(sqlite_database, tmp_path)
    yield harness
    harness.close()


def parts(harness: WorkerHarness, job_id: str) -> list[Part]:
    with session_scope(harness.database, is_read_only=True) as session:
        return get_parts(session, job_id)


def made(harness: WorkerHarness) -> list[PartAudio]:
    with session_scope(harness.database, is_read_only=True) as session:
        return list(session.scalars(select(PartAudio).order_by(PartAudio.digest)))


def sounds(harness: WorkerHarness, job_id: str) -> dict[str, str]:
    """Return the digests of the delivered files except the manifest, which contains times."""
    assert harness.job(job_id).state is JobState.SUCCEEDED, harness.job(job_id).error
    found = harness.artifacts(job_id)
    return {name: artifact.sha256 for name, artifact in found.items() if name != "manifest.json"}


def rendered(harness: WorkerHarness, **settings: object) -> str:
    """Return a job whose chunks are all spoken; messages to encode and assemble it wait."""
    job_id = harness.submit(make_text(SENTENCES), **{"outputs": OUTPUTS, **settings})
    harness.deliver_only(Task.PLAN)
    while any(task is Task.RENDER for task, _ in harness.broker.sent):
        others = [message for message in harness.broker.sent if message[0] is not Task.RENDER]
        harness.deliver_only(Task.RENDER)
        harness.broker.sent = others + harness.broker.sent
    return job_id


def test_parts_are_stored_before_the_job_is_assembled(harness: WorkerHarness) -> None:
    job_id = rendered(harness)
    count = len(parts(harness, job_id))
    assert count >= 4
    assert [task for task, _ in harness.broker.sent].count(Task.ENCODE) == count
    harness.broker.sent = [m for m in harness.broker.sent if m[0] is Task.ENCODE]
    harness.deliver()
    assert {part.state for part in parts(harness, job_id)} == {PartState.STORED}
    assert harness.job(job_id).state is JobState.ASSEMBLING
    objects = {row.sha256 for row in made(harness) if row.sha256}
    assert len(objects) == count * len(LOSSY)
    before = made(harness)
    harness.broker.send(Task.ASSEMBLE, job_id)
    harness.deliver()
    sounds(harness, job_id)
    assert [row.digest for row in made(harness)] == [row.digest for row in before]


def test_files_play_for_as_long_as_the_job_is(harness: WorkerHarness, tmp_path: Path) -> None:
    job_id = harness.submit(make_text(SENTENCES), outputs=OUTPUTS)
    harness.deliver()
    duration_s = harness.manifest(job_id)["programme"]["duration_s"]
    for name, artifact in harness.artifacts(job_id).items():
        if name != "manifest.json":
            path = tmp_path / name
            path.write_bytes(harness.read(artifact))
            assert probe(path).duration_s == pytest.approx(duration_s, abs=0.05), name


def test_bytes_do_not_depend_on_who_encodes_when(new_harness: Setup) -> None:
    one, two, three = (new_harness() for _ in range(3))
    job_id = one.submit(make_text(SENTENCES), outputs=OUTPUTS)
    one.deliver()
    expected = sounds(one, job_id)
    # Every message to encode is lost, so the worker that assembles makes the parts.
    job_id = rendered(two)
    two.broker.sent = [m for m in two.broker.sent if m[0] is Task.ASSEMBLE]
    two.deliver()
    assert sounds(two, job_id) == expected
    # The last part first, and half of them by another worker.
    job_id = rendered(three)
    three.broker.sent.reverse()
    other = three.new_worker(three.engine)
    assert [encode_next(other._context) for _ in range(3)] == [True] * 3
    three.deliver()
    assert sounds(three, job_id) == expected
    # Encoded by other processes.
    four = new_harness(encoders=2)
    job_id = four.submit(make_text(SENTENCES), outputs=OUTPUTS)
    four.deliver()
    assert sounds(four, job_id) == expected


@pytest.mark.parametrize("is_damaged", [False, True], ids=["lost", "damaged"])
def test_stored_parts_that_are_gone_are_made_again(
    harness: WorkerHarness, is_damaged: bool
) -> None:
    job_id = harness.submit(make_text(SENTENCES), outputs=OUTPUTS)
    harness.deliver()
    expected = sounds(harness, job_id)
    for row in made(harness)[::2]:
        if row.sha256 and is_damaged:
            harness.stores.work.put(part_audio_key(row.sha256), b"not what was stored")
        elif row.sha256:
            harness.stores.work.delete(part_audio_key(row.sha256))
    again = harness.submit(make_text(SENTENCES), outputs=OUTPUTS)
    harness.deliver()
    assert sounds(harness, again) == expected


def test_a_changed_sentence_changes_its_part_alone(harness: WorkerHarness) -> None:
    harness.submit(make_text(SENTENCES), outputs=["m4b"])
    harness.deliver()
    before = {row.digest for row in made(harness) if row.sha256}
    changed = make_text(SENTENCES).replace("Sentence 9 of", "Sentence 9, changed, of")
    job_id = harness.submit(changed, outputs=["m4b"])
    harness.deliver()
    sounds(harness, job_id)
    assert len({row.digest for row in made(harness) if row.sha256} - before) == 1


@pytest.mark.parametrize("target_lufs", [-23.0, -18.0, -16.0])
@pytest.mark.parametrize("outputs", [["flac"], ["m4b", "flac"]], ids=str)
def test_files_are_as_loud_as_the_manifest_says(
    harness: WorkerHarness, target_lufs: float, outputs: list[str]
) -> None:
    loudness = {"target_lufs": target_lufs}
    job_id = harness.submit(make_text(6), outputs=outputs, loudness=loudness)
    harness.deliver()
    programme = harness.manifest(job_id)["programme"]
    data = harness.read(harness.artifacts(job_id)["audio.flac"])
    sound, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    lufs, peak_db = meter(sound)
    assert programme["target_lufs"] == target_lufs
    assert programme["finished_lufs"] == pytest.approx(lufs, abs=0.1)
    assert programme["finished_true_peak_db"] == pytest.approx(peak_db, abs=0.3)
    assert lufs == pytest.approx(target_lufs, abs=0.5)


def test_a_programme_that_is_off_is_encoded_once_more(harness: WorkerHarness) -> None:
    """The voice is recorded as 4 LU louder than it is, so the programme would be too quiet."""
    first = harness.submit(make_text(6), outputs=["m4b"])
    harness.deliver()
    right_db = harness.manifest(first)["programme"]["gain_db"]
    with session_scope(harness.database) as session:
        row = session.scalars(select(VoiceLevelRow)).one()
        assert row.level is not None
        row.level = replace(row.level, lufs=row.level.lufs + 4)
    harness.worker.close()
    harness.worker = harness.new_worker(harness.engine.__class__())
    second = harness.submit(make_text(6), outputs=["m4b"])
    harness.deliver()
    programme = harness.manifest(second)["programme"]
    assert len(made(harness)) >= 2 * len(parts(harness, second))  # too low first, then right
    assert programme["gain_db"] == pytest.approx(right_db, abs=0.5)
    assert harness.job(second).gain_db == programme["gain_db"]
    assert programme["finished_lufs"] == pytest.approx(-18.0, abs=0.5)


def test_without_a_loudness_nothing_is_changed(harness: WorkerHarness) -> None:
    job_id = harness.submit(make_text(4), outputs=["m4b"], loudness=None)
    harness.deliver()
    programme = harness.manifest(job_id)["programme"]
    assert programme["finished_lufs"] == programme["lufs"]
    assert (programme["gain_db"], programme["target_lufs"]) == (0.0, None)


@pytest.mark.parametrize("encoders", [0, 1], ids=["in this process", "in another"])
def test_a_chunk_lost_before_it_is_encoded_is_spoken_again(
    new_harness: Setup, encoders: int
) -> None:
    harness = new_harness(encoders=encoders)
    job_id = rendered(harness)
    sha256 = harness.chunks(job_id)[5].sha256
    assert sha256 is not None
    harness.stores.work.delete(chunk_audio_key(sha256))
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED
    assert harness.chunks(job_id)[5].sha256 == sha256
    assert set(sounds(harness, job_id)) == {f"audio.{output}" for output in OUTPUTS}


def test_a_job_rendered_before_there_were_parts_is_delivered(harness: WorkerHarness) -> None:
    job_id = rendered(harness)
    with session_scope(harness.database) as session:
        session.execute(delete(Part))
        session.execute(delete(VoiceLevelRow))
        session.execute(update(Job).values(gain_db=None))
        session.execute(update(Chunk).values(level=None))
        session.execute(update(ChunkAudio).values(level=None))
    harness.deliver()
    sounds(harness, job_id)
    assert harness.manifest(job_id)["programme"]["finished_lufs"] == pytest.approx(-18, abs=0.5)
    assert all(chunk.level for chunk in harness.chunks(job_id))


def test_a_purge_leaves_no_part_behind(harness: WorkerHarness) -> None:
    harness.submit(make_text(SENTENCES), outputs=OUTPUTS)
    harness.deliver()
    assert list(harness.stores.work.find("parts/"))
    harness.wait(harness.settings.sweeper.part_days * 86_400 + 60)
    harness.sweeper.purge()
    assert list(harness.stores.work.find("parts/")) == []
    assert made(harness) == []


def test_lost_messages_to_encode_are_sent_again(harness: WorkerHarness) -> None:
    job_id = rendered(harness)
    harness.broker.take()
    with session_scope(harness.database) as session:
        session.execute(update(Job).values(state=JobState.RENDERING))
    harness.sweeper.sweep()
    sent = [task for task, _ in harness.broker.sent]
    assert sent.count(Task.ENCODE) == len(parts(harness, job_id))
