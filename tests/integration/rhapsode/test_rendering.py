"""What an interrupted render leaves behind, and what the next one removes; on a tone engine."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from narration.clock import utc_now
from narration.database import session_scope
from narration.jobs.listing import JobFilter, list_jobs
from narration.jobs.record import Job
from narration.jobs.request import JobSettings, OutputFormat
from narration.jobs.states import JobState
from narration.storage.keys import job_folder
from rhapsode.machine import Machine, open_machine
from rhapsode.outputs import Output
from rhapsode.progress import Rendered
from rhapsode.rendering import OWNER, JobFailed, Text, render_text
from tests.builders import make_job, make_settings, make_text
from tests.fakes import ToneEngine, make_model


def test_an_interrupted_job_is_canceled_and_left_to_its_threads(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        render(tmp_path, interrupt)
    assert states(tmp_path) == [JobState.CANCELED]


def test_the_next_run_deletes_what_an_interrupted_one_left(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        render(tmp_path, interrupt)
    render(tmp_path)
    assert states(tmp_path) == []


def test_a_job_under_way_is_not_deleted_by_the_run_that_finds_it(tmp_path: Path) -> None:
    with open_toy(tmp_path) as machine:
        with session_scope(machine.database) as session:
            killed = make_job(session, make_text(3), now=utc_now(), owner=OWNER)
        render_in(machine, tmp_path)
        [left] = read_jobs(machine)
    assert (left.id, left.state) == (killed.id, JobState.CANCELED)


def test_a_finished_job_leaves_neither_rows_nor_files_in_the_store(tmp_path: Path) -> None:
    job = render(tmp_path)
    assert (tmp_path / "a.wav").exists()
    assert states(tmp_path) == []
    with open_toy(tmp_path) as machine:
        folder = job_folder(job.destination_prefix, job.id)
        assert list(machine.stores.work.find(folder)) == []


def test_a_full_disk_ends_a_render_with_the_reason(tmp_path: Path, small_disk: Path) -> None:
    profiles = {"default": {"kind": "directory", "path": small_disk}}
    settings = make_settings(tmp_path / "data", storage={"profiles": profiles})
    with (
        open_machine(settings, lambda _: make_model(ToneEngine())) as machine,
        pytest.raises(JobFailed, match=r"the disk of .*cramped.* is full: free some space; run"),
    ):
        render_in(machine, tmp_path)


def interrupt(rendered: Rendered) -> None:
    if rendered.chunks_done:
        raise KeyboardInterrupt


def open_toy(folder: Path) -> AbstractContextManager[Machine]:
    settings = make_settings(folder / "data")
    return open_machine(settings, lambda _: make_model(ToneEngine(chunk_s=0.05)))


def render(folder: Path, on_progress: Callable[[Rendered], None] = lambda _: None) -> Job:
    with open_toy(folder) as machine:
        return render_in(machine, folder, on_progress)


def render_in(
    machine: Machine, folder: Path, on_progress: Callable[[Rendered], None] = lambda _: None
) -> Job:
    text = Text(name="a.txt", media_type="text/plain", data=make_text(20).encode())
    settings = JobSettings.model_validate({"outputs": ["wav"]})
    outputs = [Output(path=folder / "a.wav", format=OutputFormat.WAV)]
    return render_text(machine, text, settings, outputs, on_progress)


def read_jobs(machine: Machine) -> list[Job]:
    with session_scope(machine.database, is_read_only=True) as session:
        return list_jobs(session, OWNER, JobFilter(), cursor=None, limit=10).rows


def states(folder: Path) -> list[JobState]:
    with open_toy(folder) as machine:
        return [job.state for job in read_jobs(machine)]
