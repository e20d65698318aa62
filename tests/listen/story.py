"""A story through the whole service: API, queue, database, bucket, a worker with the model."""

import json
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import soundfile

from narration.jobs.request import JobSettings, OutputFormat
from rhapsode.http_client import ApiClient
from rhapsode.outputs import Output
from rhapsode.submit import NarrationRequest, read_text
from tests.api_process import Api
from tests.cluster import open_cluster
from tests.listen.render_command import Clip, cut
from tests.servers import Postgres, SeaweedFS, Valkey
from tests.submission import submit

PATIENT = {"lease_s": 60.0, "heartbeat_s": 5.0, "retry_s": 2.0}  # a busy CPU is not a lost worker
LOAD_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Narration:
    """A delivered story, cut into its chunks, and the manifest that came with it."""

    clips: list[Clip]
    manifest: dict[str, Any]


def narrate(story: Path, model: Path, voice: str) -> Narration:
    """Submit a story as `rhapsode submit` does and fetch what was delivered."""
    with (
        tempfile.TemporaryDirectory() as name,
        closing(Postgres()) as postgres,
        closing(Valkey()) as valkey,
        closing(SeaweedFS()) as seaweedfs,
        open_cluster(
            Path(name), postgres, valkey, seaweedfs, checkpoint=model, **PATIENT
        ) as cluster,
        closing(Api(cluster)) as api,
    ):
        cluster.start_worker()
        api.start()
        cluster.wait_until_ready(timeout_s=LOAD_S)
        return _submit(api, story, Path(name) / "story.flac", voice)


def _submit(api: Api, story: Path, path: Path, voice: str) -> Narration:
    request = NarrationRequest(
        text=read_text(story),
        settings=JobSettings(voice=voice, outputs=(OutputFormat.FLAC,)),
        outputs=[Output(path=path, format=OutputFormat.FLAC)],
    )
    with closing(ApiClient(api.url, None)) as client:
        manifest = fetch_narration(client, request)
    sound, _ = soundfile.read(path, dtype="float32")
    return Narration(clips=cut(sound, manifest), manifest=manifest)


def fetch_narration(client: ApiClient, request: NarrationRequest) -> dict[str, Any]:
    """Have a service narrate, fetch the outputs and return the manifest."""
    job = submit(client, request, lambda _: None)
    items = client.request("GET", job.urls.artifacts).json()["items"]
    [record] = [item["url"] for item in items if item["name"] == "manifest.json"]
    manifest: dict[str, Any] = json.loads(httpx.get(record).content)
    return manifest
