"""From POST to audio in the bucket, over real processes and servers."""

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
import soundfile

from narration.jobs.request import JobSettings, OutputFormat
from narration.jobs.states import ENDED
from rhapsode.http_client import ApiClient
from rhapsode.outputs import Output
from rhapsode.submit import NarrationRequest, read_text
from tests.api_process import Api
from tests.builders import make_text
from tests.cluster import Cluster, wait_for
from tests.submission import submit


def post(api: Api, text: str, **fields: object) -> httpx.Response:
    return api.client.post("/v1/jobs", json={"text": text} | fields)


def ended(api: Api, job: dict[str, Any], timeout_s: float = 120) -> dict[str, Any]:
    path = job["urls"]["self"]
    wait_for(lambda: api.client.get(path).json()["state"] in ENDED, timeout_s, "the end of the job")
    found: dict[str, Any] = api.client.get(path).json()
    return found


def keys_in_bucket(cluster: Cluster) -> list[str]:
    return [found.key for found in cluster.stores.work.find("")]


def test_posted_text_becomes_audio_in_the_bucket(api: Api, cluster: Cluster) -> None:
    cluster.start_worker("cpu")
    cluster.start_worker("gpu")
    answer = post(api, make_text(4), outputs=["mp3", "vtt"], destination={"prefix": "books/42"})
    assert answer.status_code == HTTPStatus.ACCEPTED
    job = ended(api, answer.json())
    assert (job["state"], job["progress"]["percent"], job["error"]) == ("succeeded", 100.0, None)
    items = api.client.get(job["urls"]["artifacts"]).json()["items"]
    by_name = {item["name"]: item for item in items}
    assert {"audio.mp3", "captions.vtt", "manifest.json"} <= by_name.keys()
    audio = httpx.get(by_name["audio.mp3"]["url"])
    assert len(audio.content) == by_name["audio.mp3"]["size_bytes"]
    assert audio.headers["content-type"] == "audio/mpeg"
    manifest = httpx.get(by_name["manifest.json"]["url"]).json()
    assert manifest == json.loads(cluster.stores.work.get(f"books/42/{job['id']}/manifest.json"))
    chunks = api.client.get(job["urls"]["chunks"], params={"limit": 100}).json()["items"]
    assert {chunk["state"] for chunk in chunks} == {"accepted"}
    assert len(chunks) == job["progress"]["chunks_total"]


def test_signed_url_is_good_for_one_file_and_a_while(api: Api, cluster: Cluster) -> None:
    cluster.start_worker()
    job = ended(api, post(api, make_text(1), outputs=["mp3"]).json())
    redirect = api.client.get(f"{job['urls']['artifacts']}/audio.mp3")
    assert redirect.status_code == HTTPStatus.FOUND
    url = redirect.headers["location"]
    assert httpx.get(url).status_code == HTTPStatus.OK
    other = url.replace("audio.mp3?", "manifest.json?")
    assert httpx.get(other).status_code == HTTPStatus.FORBIDDEN
    time.sleep(3)
    assert httpx.get(url).status_code == HTTPStatus.FORBIDDEN


def test_uploaded_recording_becomes_a_voice_a_job_can_use(api: Api, cluster: Cluster) -> None:
    cluster.start_worker()
    noise = np.random.default_rng(1).normal(0, 0.1, 6 * 16_000).astype(np.float32)
    buffer = io.BytesIO()
    soundfile.write(buffer, noise, 16_000, format="FLAC")
    upload = api.client.post(
        "/v1/voices", data={"name": "anna"}, files={"file": ("anna.flac", buffer.getvalue())}
    )
    assert upload.status_code == HTTPStatus.ACCEPTED
    path = upload.headers["location"]
    wait_for(lambda: api.client.get(path).json()["state"] == "ready", 30, "voice")
    plain = ended(api, post(api, make_text(1)).json())
    hers = ended(api, post(api, make_text(1), voice="anna").json())
    assert hers["state"] == "succeeded"
    assert hers["voice_digest"] not in (None, plain["voice_digest"])


@pytest.mark.parametrize(
    ("profile", "status", "code"),
    [
        ("wrong-bucket", 422, "output_denied"),
        ("wrong-secret", 422, "output_denied"),
        ("nobody-there", 503, "storage_unavailable"),
    ],
)
def test_destination_that_cannot_be_written_is_refused_at_once(
    api: Api, cluster: Cluster, profile: str, status: int, code: str
) -> None:
    answer = post(api, make_text(1000), destination={"profile": profile})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "secret" not in answer.json()["detail"]
    assert api.client.get("/v1/jobs").json()["items"] == []
    assert keys_in_bucket(cluster) == []


def test_equal_requests_at_once_make_one_job(api: Api) -> None:
    def send(_: int) -> httpx.Response:
        headers = {"Idempotency-Key": "once"}
        return httpx.post(
            f"{api.url}/v1/jobs", json={"text": make_text(1)}, headers=headers, timeout=30
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(16)))
    assert {answer.status_code for answer in answers} == {HTTPStatus.ACCEPTED}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(api.client.get("/v1/jobs").json()["items"]) == 1


def test_canceled_job_stops_and_a_retry_keeps_what_was_finished(api: Api, cluster: Cluster) -> None:
    worker = cluster.start_worker(chunk_s=0.3)
    job = post(api, make_text(20)).json()
    path = job["urls"]["self"]

    def finished() -> int:
        return int(api.client.get(path).json()["progress"]["chunks_done"])

    wait_for(lambda: finished() >= 3, 30, "finished chunks")
    assert api.client.post(job["urls"]["cancel"]).json()["state"] == "canceled"
    time.sleep(2)
    kept = finished()
    time.sleep(2)
    assert finished() == kept
    assert worker.is_alive()
    retried = api.client.post(job["urls"]["retry"])
    assert retried.status_code == HTTPStatus.ACCEPTED
    assert ended(api, job)["state"] == "succeeded"


def test_service_is_ready_once_a_worker_is_warm(api: Api, cluster: Cluster) -> None:
    before = api.client.get("/readyz")
    assert before.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert before.json()["detail"] == "not ready: workers"
    cluster.start_worker()
    wait_for(lambda: api.client.get("/readyz").is_success, 60, "readiness")


def test_client_outlives_a_server_that_dies_and_finds_its_job_again(
    api: Api, cluster: Cluster, tmp_path: Path
) -> None:
    cluster.start_worker(chunk_s=0.2)
    text = tmp_path / "story.txt"
    text.write_text(make_text(10))
    output = Output(path=tmp_path / "story.mp3", format=OutputFormat.MP3)
    request = NarrationRequest(
        text=read_text(text), settings=JobSettings(outputs=(OutputFormat.MP3,)), outputs=[output]
    )
    seen: list[str] = []

    def watch(rendered: Any) -> None:
        if rendered.state == "rendering" and "killed" not in seen:
            seen.append("killed")
            api.kill()
            api.start()

    client = ApiClient(api.url, None)
    job = submit(client, request, watch)
    again = submit(client, request, lambda _: None)
    client.close()
    assert seen == ["killed"]
    assert again.id == job.id
    assert len(api.client.get("/v1/jobs").json()["items"]) == 1
    assert soundfile.info(output.path).duration > 1


def test_deleted_job_leaves_the_bucket(api: Api, cluster: Cluster) -> None:
    cluster.start_worker()
    job = ended(api, post(api, make_text(1), destination={"prefix": "gone"}).json())
    assert [key for key in keys_in_bucket(cluster) if key.startswith("gone/")]
    assert api.client.delete(job["urls"]["self"]).status_code == HTTPStatus.NO_CONTENT
    assert not [key for key in keys_in_bucket(cluster) if key.startswith("gone/")]


def test_a_job_is_heard_while_it_is_narrated(api: Api, cluster: Cluster) -> None:
    cluster.start_worker("cpu")
    cluster.start_worker("gpu")
    job = post(api, make_text(12), outputs=["mp3"]).json()
    listen = job["urls"]["listen"]
    wait_for(lambda: api.client.get(listen).is_success, 120, "the first part")
    early = api.client.get(listen).text
    ended(api, job)
    whole = api.client.get(listen).text
    assert whole.startswith(early.removesuffix("#EXT-X-ENDLIST\n"))
    assert whole.endswith("#EXT-X-ENDLIST\n")
    with av.open(f"{api.url}{listen}") as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    items = api.client.get(job["urls"]["artifacts"]).json()["items"]
    duration_s = next(item["duration_s"] for item in items if item["name"] == "audio.mp3")
    assert samples / 24_000 == pytest.approx(duration_s, abs=0.1)


def test_document_that_was_put_into_the_bucket_becomes_a_job(api: Api, cluster: Cluster) -> None:
    cluster.start_worker("cpu,gpu")
    data = make_text(3).encode()
    announced = {"name": "tale.txt", "size_bytes": len(data)}
    upload = api.client.post("/v1/uploads", json=announced).json()
    assert httpx.put(upload["url"], content=data).is_success  # the bucket's own, without a key
    answer = api.client.post("/v1/jobs", json={"upload": upload["id"], "outputs": ["mp3"]})
    assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
    assert ended(api, answer.json())["state"] == "succeeded"
    assert [key for key in keys_in_bucket(cluster) if upload["id"] in key] == []
