"""A disk that fills up during a job: it is reported in words, and work resumes with space."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.builders import make_text
from tests.page_browser import Visit, served_page

Begin = Callable[..., Visit]
FULL = "The disk of the server is full."


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 MiB; only root may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Fill a disk to its last byte, with a file that is returned."""
    filler = disk / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(descriptor, bytes(4096))
    except OSError:
        return filler
    finally:
        os.close(descriptor)


def test_a_full_disk_is_told_and_the_narration_goes_on_once_there_is_room(
    visit: Begin, disk: Path
) -> None:
    with served_page(disk, "--chunk-s", "1", "--lease-s", "8") as served:
        job_id = served.submit(make_text(24), title="On a full disk", outputs=["mp3"])
        page = visit(served.url).open(f"#/jobs/{job_id}")
        expect(page.locator(".told").first).to_contain_text("Speaking")
        filler = fill(disk)
        expect(page.locator("#trouble")).to_contain_text(FULL)
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        assert httpx.get(f"{served.url}readyz", timeout=60).json()["troubles"] == ["disk_full"]
        page.get_by_role("link", name="New narration").click()
        page.get_by_label("Text to be read").fill("One more.")
        page.get_by_role("button", name="Narrate").click()
        expect(page.get_by_role("alert")).to_contain_text(FULL)
        filler.unlink()
        expect(page.locator("#trouble")).to_be_hidden()
        page.get_by_role("button", name="Narrate").click()
        expect(page.get_by_role("link", name="M4B")).to_be_visible(timeout=120_000)
        page.goto(f"{served.url}#/jobs/{job_id}")
        expect(page.get_by_role("link", name="MP3")).to_be_visible(timeout=120_000)
