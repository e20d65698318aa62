"""The commands of the API guides work in sequence, on a real server."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import wait_for
from tests.epubs import make_epub
from tests.page_browser import ServedPage, served_page
from tests.unit.api.conftest import recording

ROOT = Path(__file__).parents[3]
_COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ID = re.compile(r"\b(job|plan|upload|voice)_01\w*(?:\.\.\.)?")
_MADE = re.compile(r'"id": ?"((job|plan|upload|voice)_\w+)"')
STORY = "# One\n\nIt rained.\n\n# Two\n\nIt stopped.\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedPage]:
    with served_page(tmp_path / "data") as served:
        yield served


class Reader:
    """A user who runs the commands of a page, with real ids in place of those shown."""

    def __init__(self, served: ServedPage, folder: Path) -> None:
        self._served = served
        self._folder = folder
        self.ids = {"job": served.finish(STORY, format="markdown")}
        self._put = ""
        book = make_epub({f"p{n}": f"<h1>Part {n}</h1><p>It rained.</p>" for n in range(4)})
        for name, data in {
            "book.md": STORY.encode(),
            "book.epub": book,
            "anna.wav": recording(6.0),
        }.items():
            (folder / name).write_bytes(data)
        self._size = len(book)

    def type(self, command: str) -> str:
        """Run one command; the job and the voice that it may name are ready before."""
        wait_for(lambda: self._served.state(self.ids["job"]) == "succeeded", 120, "the job")
        wait_for(lambda: self._served.voice_states() <= {"ready"}, 120, "the voice")
        command = _ID.sub(lambda found: self.ids[found[1]], command)
        for shown, real in {
            "http://127.0.0.1:8000": self._served.url.removesuffix("/"),
            "https://bucket.example.com/...": self._put,
            "1048576": str(self._size),
            "chunks/42": "chunks/0",
            '"take": 1': '"take": 0',
            "ffplay": "curl",
        }.items():
            command = command.replace(shown, real)
        done = run(self._folder, f'curl() {{ command curl -sS -f "$@"; }}\n{command}')
        assert done.returncode == 0, f"{command}: {done.stdout} {done.stderr}"
        made = _MADE.search(done.stdout)
        if made is not None:
            self.ids[made[2]] = made[1]
        put = re.search(r'"url": ?"(/v1/uploads[^"]+)"', done.stdout)
        self._put = self._served.url.removesuffix("/") + put[1] if put else self._put
        return done.stdout


def run(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    rhapsode = f'rhapsode() {{ PYTHONPATH={ROOT} {sys.executable} -m rhapsode "$@"; }}\n'
    return subprocess.run(
        ["bash", "-c", f"set -eu -o pipefail\n{rhapsode}{script}"],
        check=False,
        cwd=folder,
        env=os.environ | {"RHAPSODE_DATA_DIR": str(folder / "data")},
        capture_output=True,
        text=True,
    )


def blocks(page: str) -> list[str]:
    return _COMMANDS.findall((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"))


def test_the_commands_of_the_api_run(served: ServedPage, tmp_path: Path) -> None:
    reader = Reader(served, tmp_path)
    lines = [line for block in blocks("api") for line in block.splitlines()]
    assert len(lines) > 15
    [voice] = [line for line in lines if "/v1/voices -F" in line]
    reader.type(voice)  # the others use it
    for line in lines:
        reader.type(line)
    assert (tmp_path / "take.flac").read_bytes().startswith(b"fLaC")
    assert (tmp_path / "hello.mp3").stat().st_size > 1000


def test_the_commands_about_keys_run(served: ServedPage, tmp_path: Path) -> None:
    script = blocks("keys")[0].replace("http://127.0.0.1:8000", served.url.removesuffix("/"))
    made = "$(rhapsode keys list --json | jq -r '.[0].id')"
    script = re.sub(r"key_01\w+", made, script).replace("curl ", "curl -sS -f ")
    done = run(tmp_path, script)
    assert done.returncode == 0, done.stderr
    assert "is revoked" in done.stdout
    assert "nightly builds" in done.stdout
