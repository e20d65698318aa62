"""The documentation builds, and the commands of the tutorial work as described."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.api.conftest import recording
from worker.assembly.probe import probe

ROOT = Path(__file__).parents[3]
_COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[str]:
    return _COMMANDS.findall((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"))


def run_commands(folder: Path, blocks: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the commands of a page, in a folder that looks like a clone."""
    bin_folder = folder / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    command = bin_folder / "rhapsode"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m rhapsode "$@"\n')
    command.chmod(0o755)
    return subprocess.run(
        ["bash", "-c", "set -eux -o pipefail\n" + "".join(blocks)],
        check=False,
        cwd=folder,
        env=os.environ | {"RHAPSODE_DATA_DIR": str(folder / "data")},
        capture_output=True,
        text=True,
    )


def test_the_commands_of_the_tutorial_run(tmp_path: Path) -> None:
    blocks = commands("tutorial")
    assert blocks[0] == "make setup\n"  # has been done, or this would not run
    done = run_commands(tmp_path, blocks[1:])
    assert done.returncode == 0, done.stderr
    assert "4 characters  note mark" in done.stdout
    assert probe(tmp_path / "lamp.m4b").duration_s > 1
    assert (tmp_path / "lamp.vtt").read_text().startswith("WEBVTT")


@pytest.mark.parametrize("page", ["voices", "batch"])
def test_the_commands_of_a_guide_run(tmp_path: Path, page: str) -> None:
    (tmp_path / "texts").mkdir()
    for path in ("letter.md", "texts/one.md", "texts/two.md"):
        (tmp_path / path).write_text("Dear Anna, it rains.")
    (tmp_path / "anna.wav").write_bytes(recording(6.0))
    done = run_commands(tmp_path, commands(page))
    assert done.returncode == 0, done.stderr
    if page == "voices":
        assert "anna\trecording" in done.stdout
        assert (tmp_path / "letter.mp3").read_bytes() != (tmp_path / "lively.mp3").read_bytes()
    else:
        assert "texts/two.md: done" in done.stdout
        files = {path.name for path in (tmp_path / "audio").iterdir()}
        assert files > {"one.mp3", "one.vtt", "two.mp3", "two.vtt", "two.m4b"}


def test_the_site_has_the_reference_of_the_code(tmp_path: Path) -> None:
    """A broken link fails the build."""
    build = [sys.executable, ".ci/site.py", str(tmp_path / "site")]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    subprocess.run(build, cwd=ROOT, env=environment, check=True)
    reference = tmp_path / "site" / "reference"
    assert "rhapsode render" in (reference / "commands" / "index.html").read_text()
    assert "RHAPSODE_API__KEYS" in (reference / "settings" / "index.html").read_text()
    assert "POST /v1/jobs" in (reference / "http" / "index.html").read_text()
    # Its readers' browsers fetch nothing from other servers.
    pages = (tmp_path / "site").rglob("*.html")
    fetched = re.compile(r'(?:src|href)="https?://[^"]*\.(?:js|css|woff2?)"')
    assert [path for path in pages if fetched.search(path.read_text())] == []


def test_the_examples_of_text_and_sound_run(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "text.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?ms)^```python\n(.*?)^```$", page)
    assert blocks
    for block in blocks:
        done = subprocess.run(
            [sys.executable, "-c", block],
            check=False,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
