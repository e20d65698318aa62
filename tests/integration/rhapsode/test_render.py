"""`rhapsode render` from text to file, on one machine, with a tiny model of the real format."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file

from narration.documents.read import read_document
from tests.integration.rhapsode.conftest import Render
from worker.assembly.probe import probe

STORY = """# A Small Story

The fox came down to the river at dawn. Nobody saw her, and nobody was meant to.

"Are you there?" she asked; the water said nothing, as water will.

# The Other Bank

She crossed by the old stones. On the far side lay 42 apples, red and cold -- and not one of them
was hers! She took 3.
"""
ODD = {
    "a 300-character word": "Say " + "ab" * 150 + " now.",
    "a page without punctuation": "and so we went on and on through the grey rain " * 12,
    "mixed line endings": "One line.\r\nAnother line.\rA third.\n\nThe end.\r\n",
}

HOW_TO_GO_ON = b"rhapsode: interrupted; run the same command again to go on\n"


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def manifest(output: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(output.with_suffix(".manifest.json").read_text())
    return content


def samples(path: Path) -> npt.NDArray[np.float32]:
    waveform: npt.NDArray[np.float32] = soundfile.read(path, dtype="float32")[0]
    return waveform


def test_a_story_becomes_a_book_with_chapters(tmp_path: Path, render: Render) -> None:
    story = write(tmp_path / "story.md", STORY)
    assert render(story, "-o", tmp_path / "story.m4b", "-o", tmp_path / "story.wav") == 0
    book, wave = probe(tmp_path / "story.m4b"), probe(tmp_path / "story.wav")
    assert book.chapters == ("A Small Story", "The Other Bank")
    assert book.duration_s == pytest.approx(wave.duration_s, abs=0.1)
    assert np.abs(samples(tmp_path / "story.wav")).max() > 0.01


def test_the_manifest_accounts_for_every_character(tmp_path: Path, render: Render) -> None:
    story = write(tmp_path / "story.md", STORY)
    assert render(story, "-o", tmp_path / "story.wav") == 0
    record = manifest(tmp_path / "story.wav")
    source = read_document(STORY.encode(), name="story.md").source
    heard = {i for c in record["chunks"] for i in range(c["start"], c["end"])}
    skipped = {i for s in record["skipped"] for i in range(s["start"], s["end"])}
    assert not heard & skipped
    assert all(source[i].isspace() for i in set(range(len(source))) - heard - skipped)
    assert all(chunk["text"] == source[chunk["start"] : chunk["end"]] for chunk in record["chunks"])


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_an_odd_text_is_rendered_not_refused(tmp_path: Path, render: Render, text: str) -> None:
    assert render(write(tmp_path / "odd.txt", text), "-o", tmp_path / "odd.wav") == 0
    assert probe(tmp_path / "odd.wav").duration_s > 1


def test_the_same_seed_gives_the_same_bytes(
    tmp_path: Path, render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = write(tmp_path / "story.md", STORY)
    for name in ("one", "two"):
        monkeypatch.setenv("RHAPSODE_DATA_DIR", str(tmp_path / f"data-{name}"))
        assert render(story, "-o", tmp_path / f"{name}.flac", "--seed", "7") == 0
    assert (tmp_path / "one.flac").read_bytes() == (tmp_path / "two.flac").read_bytes()


def test_another_seed_gives_another_reading(tmp_path: Path, render: Render) -> None:
    story = write(tmp_path / "story.md", STORY)
    for seed in ("1", "2"):
        assert render(story, "-o", tmp_path / f"{seed}.wav", "--seed", seed) == 0
    assert (tmp_path / "1.wav").read_bytes() != (tmp_path / "2.wav").read_bytes()


def test_another_batch_size_changes_no_sample(
    tmp_path: Path, render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = write(tmp_path / "story.md", STORY)
    for slots in ("1", "6"):
        monkeypatch.setenv("RHAPSODE_DATA_DIR", str(tmp_path / f"data-{slots}"))
        monkeypatch.setenv("RHAPSODE_MODEL__T3_SLOTS", slots)
        assert render(story, "-o", tmp_path / f"{slots}.wav") == 0
    one, six = samples(tmp_path / "1.wav"), samples(tmp_path / "6.wav")
    np.testing.assert_allclose(one, six, atol=1e-4)


def test_an_edited_sentence_reuses_the_rest(
    tmp_path: Path, render: Render, capsys: pytest.CaptureFixture[str]
) -> None:
    assert render(write(tmp_path / "a.md", STORY), "-o", tmp_path / "a.wav") == 0
    edited = write(tmp_path / "b.md", STORY.replace("42 apples", "43 apples"))
    assert render(edited, "-o", tmp_path / "b.wav", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["chunks_reused"] == summary["chunks"] - 1


def test_a_recording_is_a_voice(tmp_path: Path, render: Render) -> None:
    time_s = np.arange(6 * 24_000) / 24_000
    voice = np.sin(2 * np.pi * (120 + 30 * np.sin(time_s)) * time_s) * 0.3
    soundfile.write(tmp_path / "me.wav", voice, 24_000)
    story = write(tmp_path / "story.md", STORY)
    assert render(story, "-o", tmp_path / "mine.wav", "--voice", tmp_path / "me.wav") == 0
    assert render(story, "-o", tmp_path / "theirs.wav") == 0
    mine, theirs = manifest(tmp_path / "mine.wav"), manifest(tmp_path / "theirs.wav")
    assert mine["voice_digest"] != theirs["voice_digest"]


def test_the_watermark_can_be_left_out_and_is_recorded(tmp_path: Path, render: Render) -> None:
    story = write(tmp_path / "story.md", STORY)
    assert render(story, "-o", tmp_path / "marked.wav") == 0
    assert render(story, "-o", tmp_path / "plain.wav", "--no-watermark") == 0
    assert manifest(tmp_path / "marked.wav")["watermark"]
    assert manifest(tmp_path / "plain.wav")["watermark"] is None


def test_an_unknown_voice_is_refused_and_nothing_is_written(
    tmp_path: Path, render: Render, capsys: pytest.CaptureFixture[str]
) -> None:
    story = write(tmp_path / "story.md", STORY)
    (tmp_path / "out").mkdir()
    assert render(story, "-o", tmp_path / "out" / "a.wav", "--voice", "nobody") == 1
    assert "nobody" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_a_truncated_checkpoint_is_named(
    tmp_path: Path, tiny: Path, render: Render, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = copy_of(tiny, tmp_path / "broken")
    weights = broken / "s3gen.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    story = write(tmp_path / "story.md", STORY)
    assert render(story, "-o", tmp_path / "a.wav", model=broken) == 1
    assert "s3gen.safetensors" in capsys.readouterr().err
    assert not (tmp_path / "a.wav").exists()


def test_a_tensor_of_another_shape_is_named(
    tmp_path: Path, tiny: Path, render: Render, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = copy_of(tiny, tmp_path / "broken")
    tensors = load_file(broken / "t3_cfg.safetensors")
    tensors["speech_head.weight"] = torch.zeros(3, 5)
    save_file(tensors, broken / "t3_cfg.safetensors")
    story = write(tmp_path / "story.md", STORY)
    assert render(story, "-o", tmp_path / "a.wav", model=broken) == 1
    assert "speech_head.weight" in capsys.readouterr().err


def test_a_killed_render_goes_on_from_the_finished_chunks(
    tmp_path: Path, tiny: Path, data_dir: Path, render: Render, capsys: pytest.CaptureFixture[str]
) -> None:
    text = write(tmp_path / "long.txt", _lines(24))
    killed = begin(text, tmp_path / "long.wav", tiny)
    finished = wait_for_chunks(data_dir, 3)
    killed.kill()
    killed.communicate()  # closes its pipes
    assert not (tmp_path / "long.wav").exists()
    assert render(text, "-o", tmp_path / "long.wav", "--json") == 0
    assert json.loads(capsys.readouterr().out)["chunks_reused"] >= finished


def test_an_interrupted_render_says_how_to_go_on(
    tmp_path: Path, tiny: Path, data_dir: Path
) -> None:
    interrupted = interrupted_render(tmp_path, tiny, data_dir)
    _, error = interrupted.communicate(timeout=60)
    assert (interrupted.returncode, error) == (130, HOW_TO_GO_ON)
    assert not list(tmp_path.glob("*.wav*"))


def test_a_second_interrupt_ends_a_render_at_once(
    tmp_path: Path, tiny: Path, data_dir: Path
) -> None:
    interrupted = interrupted_render(tmp_path, tiny, data_dir)
    sent_at = time.monotonic()
    interrupted.send_signal(signal.SIGINT)
    _, error = interrupted.communicate(timeout=60)
    assert time.monotonic() - sent_at < 2
    assert (interrupted.returncode, error) == (130, HOW_TO_GO_ON)


def interrupted_render(tmp_path: Path, tiny: Path, data_dir: Path) -> subprocess.Popen[bytes]:
    """Return a render that was interrupted while it spoke, and has said so."""
    text = write(tmp_path / "long.txt", _lines(48))
    # Children of a shell's background job ignore the signal, unless it is handled here.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = begin(text, tmp_path / "long.wav", tiny)
    wait_for_chunks(data_dir, 1)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert b"press Ctrl-C again" in process.stderr.readline()
    return process


def _lines(count: int) -> str:
    return "\n\n".join(f"This is line number {n}." for n in range(count))


def copy_of(folder: Path, target: Path) -> Path:
    target.mkdir()
    for path in folder.rglob("*"):
        if path.is_file():
            (target / path.relative_to(folder)).parent.mkdir(exist_ok=True)
            (target / path.relative_to(folder)).write_bytes(path.read_bytes())
    return target


def begin(text: Path, output: Path, model: Path) -> subprocess.Popen[bytes]:
    command = ["-m", "rhapsode", "render", str(text), "-o", str(output), "--model", str(model)]
    return subprocess.Popen(
        [sys.executable, *command, "--quiet"], stderr=subprocess.PIPE, stdout=subprocess.PIPE
    )


def wait_for_chunks(data_dir: Path, count: int) -> int:
    """Wait until so many chunks of the running job are recorded; returns their number."""
    deadline = time.monotonic() + 120
    while (finished := finished_chunks(data_dir / "render" / "rhapsode.db")) < count:
        assert time.monotonic() < deadline, "no chunk was finished in time"
        time.sleep(0.1)
    return finished


def finished_chunks(database: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            (count,) = connection.execute("SELECT sum(chunks_done) FROM jobs").fetchone()
    except sqlite3.OperationalError:  # it does not exist yet
        return 0
    return count or 0
