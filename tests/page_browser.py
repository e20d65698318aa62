"""A served page and a real Chromium to look at it with."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect

from tests.cluster import wait_for

START_S = 90.0
PATIENCE_MS = 30_000  # a machine under load is slow, not broken
NAMES = ("chromium", "chromium-browser", "google-chrome")
# A stand-in for a microphone, and nothing that reaches out by itself.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
expect.set_options(timeout=PATIENCE_MS)


class ServedPage:
    """tests.page_server over a folder; it can be killed and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port: int = found.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.api = f"{self.url}v1"
        self._command = [sys.executable, "-m", "tests.page_server", "--port", str(self.port)]
        self._command += ["--data-dir", str(folder), *options]
        self._log = folder.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stderr=log, stdout=log)
        wait_for(self._is_ready, START_S, "the page")

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def submit(self, text: str, **settings: Any) -> str:
        """Return the id of a new job; made over HTTP, as the page does."""
        answer = httpx.post(f"{self.api}/jobs", json={"text": text, **settings}, timeout=60)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def state(self, job_id: str) -> str:
        return str(httpx.get(f"{self.api}/jobs/{job_id}", timeout=60).json()["state"])

    def finish(self, text: str, **settings: Any) -> str:
        """Return the id of a job that has succeeded."""
        job_id = self.submit(text, **settings)
        wait_for(lambda: self.state(job_id) == "succeeded", 120, f"the end of {job_id}")
        return job_id

    def jobs(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = httpx.get(f"{self.api}/jobs?limit=100").json()["items"]
        return items

    def voice_states(self) -> set[str]:
        """Return the states that voices are in."""
        return {voice["state"] for voice in httpx.get(f"{self.api}/voices").json()["items"]}

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}livez").is_success
        except httpx.TransportError:
            return False


@contextmanager
def served_page(folder: Path, *options: str) -> Iterator[ServedPage]:
    folder.mkdir(parents=True, exist_ok=True)
    served = ServedPage(folder, *options)
    try:
        served.start()
        yield served
    finally:
        served.kill()


def launch(playwright: Playwright) -> Browser:
    """Start the machine's Chromium, or the one that Playwright has fetched."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    own = Path(playwright.chromium.executable_path)
    if found is None and not own.exists():
        pytest.skip("no Chromium here: install the package chromium")
    microphone = f"--use-file-for-fake-audio-capture={_heard_by_the_microphone()}"
    return playwright.chromium.launch(executable_path=found or own, args=[*FLAGS, microphone])


def _heard_by_the_microphone() -> Path:
    """Make a sound that passes as a recording: Chromium's own tone is at full scale."""
    noise = np.random.default_rng(0).normal(0, 0.1, 20 * 48_000)
    path = Path(tempfile.mkdtemp()) / "microphone.wav"
    soundfile.write(path, noise.astype(np.float32), 48_000, subtype="PCM_16")
    return path


class Visit:
    """A page in its own browser context; its errors are recorded."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.context: BrowserContext = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, **options}
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self.context.new_page()
        self.url = url
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._note)

    def open(self, place: str = "") -> Page:
        self.page.goto(self.url + place)
        return self.page

    def close(self) -> None:
        self.context.close()

    def _note(self, message: Any) -> None:
        # The page reports a refused request in words; the browser logs it as well.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)


def wait_until(page: Page, expression: str) -> None:
    """Wait for something that only a script can see; the page's policy forbids Playwright's own."""
    wait_for(lambda: page.evaluate(expression), PATIENCE_MS / 1000, expression)


def shots_folder() -> Path | None:
    """The folder for screenshots: $PAGE_SHOTS."""
    folder = os.environ.get("PAGE_SHOTS")
    return Path(folder) if folder else None
