"""The receiver in docs/webhooks.md accepts each message of ours once, and nothing else."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from narration.api_settings import WebhookSettings
from narration.clock import utc_now
from narration.webhooks.claims import DeliveryClaim
from narration.webhooks.schedule import WAITS_S
from narration.webhooks.signing import new_secret
from tests.api_process import free_port
from tests.cluster import wait_for
from tests.receiver import LOOPBACK
from worker.webhooks.sender import Sender

GUIDE = (Path(__file__).parents[4] / "docs" / "webhooks.md").read_text(encoding="utf-8")
SECRET = new_secret()


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Its URL, and the file where it writes the messages."""
    (program,) = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    port, said = free_port(), tmp_path / "said"
    environment = os.environ | {"WEBHOOK_SECRET": SECRET, "PORT": str(port)}
    url = f"http://127.0.0.1:{port}/"
    with said.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=output)
    try:
        wait_for(lambda: _answers(url), 10, "answer of the receiver")
        yield url, said
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return bool(httpx.get(url).status_code)
    except httpx.TransportError:
        return False


def test_the_receiver_of_the_guide_verifies_and_tells_twins_apart(
    receiver: tuple[str, Path],
) -> None:
    url, said = receiver
    claim = DeliveryClaim(
        id="msg_1", webhook_id="hook_1", fence=1, attempts=1, url=url,
        body='{"type":"job.succeeded","data":{"job_id":"job_1"}}', secrets=(new_secret(), SECRET),
    )  # fmt: skip
    sender = Sender(WebhookSettings.model_validate(LOOPBACK), utc_now)
    assert [sender.send(claim).status_code for _ in range(2)] == [204, 204]
    assert sender.send(replace(claim, secrets=(new_secret(),))).status_code == 401
    assert said.read_text() == "job.succeeded {'job_id': 'job_1'}\n"


def test_the_guide_tells_the_true_waits() -> None:
    (retry_waits,) = re.findall(r"sent again after (.*?), with", GUIDE)
    seconds = {"s": 1, "min": 60, "h": 3600}
    waits = re.findall(r"(\d+) (s|min|h)", retry_waits)
    assert [int(count) * seconds[unit] for count, unit in waits] == list(WAITS_S)
