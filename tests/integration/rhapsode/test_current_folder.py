"""The current folder is the user's: files in it are never taken for our modules."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NAMES = ("narration.py", "worker.py", "rhapsode.py", "api.py")


@pytest.mark.parametrize("has_own_process", ["false", "true"])
def test_files_named_like_our_packages_are_left_alone(
    tiny: Path, tmp_path: Path, has_own_process: str
) -> None:
    for name in NAMES:
        (tmp_path / name).write_text(f"raise SystemExit('{name} was imported')")
    (tmp_path / "tale.txt").write_text("A short tale.")
    script = Path(sys.executable).with_name("rhapsode")
    ended = subprocess.run(
        [script, "render", "tale.txt", "-o", "tale.m4b", "--model", str(tiny)],
        cwd=tmp_path,
        env=os.environ
        | {
            "RHAPSODE_DATA_DIR": str(tmp_path / "data"),
            "RHAPSODE_MODEL__HAS_OWN_PROCESS": has_own_process,
            "RHAPSODE_WORKER__ENCODERS": "1",
            "RHAPSODE_WORKER__TAKE_PROCESSES": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "was imported" not in ended.stderr
    assert (ended.returncode, (tmp_path / "tale.m4b").exists()) == (0, True), ended.stderr
