"""A client that is generated from the OpenAPI document can do all that callers need."""

import importlib
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import soundfile

from narration.jobs.states import ENDED
from tests.api_process import Api
from tests.cluster import Cluster, wait_for
from tests.unit.api.conftest import recording

PACKAGE = "generated_client"
# The generator supports one media type per body; delivered files have several.
BYTES = "application/octet-stream"
CONFIG = {
    "content_type_overrides": {
        "*/*": BYTES,
        "audio/flac": BYTES,
        "audio/mp4": BYTES,
        "application/vnd.apple.mpegurl": BYTES,
    },
    "post_hooks": [],
}


class Generated:
    """The generated package, connected to a server."""

    def __init__(self, url: str) -> None:
        self.client = self.module("client").Client(base_url=url, follow_redirects=True)
        self.models, self.types = self.module("models"), self.module("types")

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{PACKAGE}.{name}")

    def call(self, operation: str, **arguments: Any) -> Any:
        """Call an operation, given as tag.name; None if the answer is of no documented status."""
        return self.module(f"api.{operation}").sync(client=self.client, **arguments)

    def file(self, data: bytes, name: str) -> Any:
        return self.types.File(payload=io.BytesIO(data), file_name=name)


@pytest.fixture
def generated(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Generated]:
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    command = [
        str(Path(sys.executable).parent / "openapi-python-client"), "generate", "--meta=none",
        f"--url={api.url}/openapi.json", f"--output-path={tmp_path / PACKAGE}",
        f"--config={tmp_path / 'config.json'}", "--fail-on-warning",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path)
    generated = Generated(api.url)
    with generated.client:
        yield generated
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def ended(generated: Generated, job_id: str) -> Any:
    def state() -> Any:
        return generated.call("jobs.get_job", job_id=job_id).state

    wait_for(lambda: state() in ENDED, 120, "the end of the job")
    return generated.call("jobs.get_job", job_id=job_id)


def test_generated_client_narrates(generated: Generated, cluster: Cluster) -> None:
    cluster.start_worker()
    models = generated.models
    upload = models.VoiceUpload(file=generated.file(recording(6.0), "anna.wav"), name="anna")
    voice = generated.call("voices.create_voice", body=upload)
    wait_for(
        lambda: generated.call("voices.get_voice", voice_id=voice.id).state == "ready", 60, "voice"
    )
    request = models.JobRequest(
        text="Hello there. This is a story.", voice="anna", outputs=[models.OutputFormat.MP3]
    )
    job = ended(generated, generated.call("jobs.create_job", body=request).id)
    assert (job.state, job.error, job.voice_digest is None) == ("succeeded", None, False)
    listed = generated.call("jobs.list_jobs", limit=5)
    assert [item.id for item in listed.items] == [job.id]
    [chunk] = generated.call("jobs.list_chunks", job_id=job.id).items
    assert (chunk.state, chunk.findings) == ("accepted", [])
    names = {item.name for item in generated.call("artifacts.list_artifacts", job_id=job.id).items}
    assert {"audio.mp3", "manifest.json"} <= names
    audio = generated.call("artifacts.get_artifact", job_id=job.id, name="audio.mp3")
    assert soundfile.info(io.BytesIO(audio.payload.read())).duration > 1


def test_generated_client_uploads_a_document_and_deletes_its_job(
    generated: Generated, cluster: Cluster
) -> None:
    cluster.start_worker()
    models = generated.models
    form = models.JobForm(outputs=[models.OutputFormat.WAV], labels=models.JobFormLabels())
    upload = models.JobUpload(file=generated.file(b"# One\n\nHello there.", "a.md"), job=form)
    job = ended(generated, generated.call("jobs.create_job", body=upload).id)
    assert (job.state, job.source.name) == ("succeeded", "a.md")
    generated.call("jobs.delete_job", job_id=job.id)
    assert generated.call("jobs.get_job", job_id=job.id).code == "not_found"


def test_problems_of_the_generated_client_are_typed(generated: Generated) -> None:
    request = generated.models.JobRequest(text="Hello.", voice="nobody")
    problem = generated.call("jobs.create_job", body=request)
    assert (problem.code, problem.errors[0].pointer) == ("invalid_request", "/voice")
