"""Where the demonstration model speaks, one line says so, and how to get the real voice."""

import json
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from narration.demonstration import MODEL, NOTICE, ON_ONE_MACHINE
from rhapsode.cli import run
from tests.cluster import wait_for
from worker.chatterbox import hub


def test_the_names_of_the_bundled_model_agree() -> None:
    assert hub.DEMO == MODEL == hub.DEMO_FOLDER.name
    assert "models pull english" in ON_ONE_MACHINE


def test_render_says_which_voice_it_was(
    tiny: Path, data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("A line.")
    for name, is_demonstration in ((MODEL, True), ("mine", False)):
        folder = shutil.copytree(tiny, tmp_path / name)
        output = tmp_path / f"{name}.wav"
        assert run(["render", str(text), "-o", str(output), "--model", str(folder)]) == 0
        told = capsys.readouterr().err
        assert (told.count(NOTICE) == 1) is is_demonstration
        manifest = json.loads((tmp_path / f"{name}.manifest.json").read_text())
        assert {engine["model"] for engine in manifest["engines"]} == {name}


def test_serve_says_which_voice_it_will_be(data_dir: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    with log.open("wb") as stream:
        command = [sys.executable, "-m", "rhapsode", "serve", "--model", MODEL, "--port", port]
        served = subprocess.Popen(command, stderr=stream, stdout=stream)
    wait_for(lambda: NOTICE in log.read_text(), 60, "line about the voice")
    served.send_signal(signal.SIGTERM)
    served.wait(30)


def test_models_pull_checks_what_needs_no_fetching(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "pull", str(tiny)]) == 0
    assert str(tiny) in capsys.readouterr().out
    assert run(["models", "pull", str(tmp_path)]) == 1
    assert "lacks t3_cfg.safetensors" in capsys.readouterr().err
    assert run(["models", "pull", "englsh"]) == 1
    assert 'no model and no folder "englsh": models are demo, english' in capsys.readouterr().err


def test_models_pull_takes_its_model_from_the_settings(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RHAPSODE_MODEL__CHECKPOINT", str(tiny))
    assert run(["models", "pull"]) == 0
    assert str(tiny) in capsys.readouterr().out


def test_command_that_fails_in_a_container_says_so_in_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RHAPSODE_TELEMETRY__LOG_FORMAT", "json")
    assert run(["models", "pull", "englsh"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert event["event"] == "command_failed"
    assert 'no model and no folder "englsh"' in event["reason"]
