"""The documentation: it builds, and the commands of the tutorial do what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

from worker.assembly.probe import probe

ROOT = Path(__file__).parents[3]
_COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_tutorial_run(tmp_path: Path) -> None:
    blocks = _COMMANDS.findall((ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8"))
    assert blocks[0] == "make setup\n"  # has been done, or this would not run
    bin_folder = tmp_path / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    (bin_folder / "rhapsode").symlink_to(Path(sys.executable).parent / "rhapsode")
    script = "set -eux\n" + "".join(blocks[1:])
    environment = os.environ | {"RHAPSODE_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(
        ["bash", "-c", script],
        check=False,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "4 characters  note mark" in done.stdout
    assert probe(tmp_path / "lamp.m4b").duration_s > 1
    assert (tmp_path / "lamp.vtt").read_text().startswith("WEBVTT")


def test_the_site_has_the_reference_of_the_code(tmp_path: Path) -> None:
    """A link that leads nowhere ends the build."""
    build = [sys.executable, ".ci/site.py", str(tmp_path / "site")]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    subprocess.run(build, cwd=ROOT, env=environment, check=True)
    reference = tmp_path / "site" / "reference"
    assert "rhapsode render" in (reference / "commands" / "index.html").read_text()
    assert "RHAPSODE_API__KEYS" in (reference / "settings" / "index.html").read_text()
    assert "POST /v1/jobs" in (reference / "http" / "index.html").read_text()
    # Nothing is fetched from other servers by whoever reads it.
    pages = (tmp_path / "site").rglob("*.html")
    fetched = re.compile(r'(?:src|href)="https?://[^"]*\.(?:js|css|woff2?)"')
    assert [path for path in pages if fetched.search(path.read_text())] == []
