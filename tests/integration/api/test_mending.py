"""A job is mended over real processes and servers: a take is heard, retaken, delivered again."""

from http import HTTPStatus
from typing import Any

import httpx

from narration.jobs.states import ENDED
from narration.storage.keys import chunk_audio_key
from tests.api_process import Api
from tests.builders import make_text
from tests.cluster import Cluster, wait_for

MUMBLED = "Whatever was mumbled by the river that evening was soon forgotten again by all of them."


def ended(api: Api, path: str, revision: int = 1) -> dict[str, Any]:
    def read() -> dict[str, Any]:
        job: dict[str, Any] = api.client.get(path).json()
        return job

    wait_for(
        lambda: (job := read())["state"] in ENDED and job["revision"] == revision,
        120,
        f"revision {revision}",
    )
    return read()


def test_flagged_chunk_is_heard_retaken_and_delivered_anew(api: Api, cluster: Cluster) -> None:
    cluster.start_worker()
    text = f"{make_text(3)}\n\n{MUMBLED}\n\n{make_text(2, name='another')}"
    submitted = {"text": text, "outputs": ["mp3"], "quality": {"max_takes": 1}}
    path = api.client.post("/v1/jobs", json=submitted).json()["urls"]["self"]
    assert ended(api, path)["state"] == "succeeded"
    found = api.client.get(f"{path}/chunks", params={"state": "flagged"}).json()["items"]
    (index,) = [chunk["index"] for chunk in found]
    redirect = api.client.get(f"{path}/chunks/{index}/audio")
    assert redirect.status_code == HTTPStatus.FOUND
    (kept,) = api.client.get(f"{path}/chunks/{index}/takes").json()["items"]
    sound = httpx.get(redirect.headers["location"], headers={"Range": "bytes=0-3"})
    assert (sound.status_code, sound.content) == (HTTPStatus.PARTIAL_CONTENT, b"fLaC")
    before = httpx.get(api.client.get(f"{path}/artifacts/audio.mp3").headers["location"]).content

    answer = api.client.post(f"{path}/chunks/{index}/retake")
    assert (answer.status_code, answer.json()["revision"]) == (HTTPStatus.ACCEPTED, 2)
    job = ended(api, path, 2)
    assert (job["state"], job["progress"]["chunks_flagged"]) == ("succeeded", 0)
    after = httpx.get(api.client.get(f"{path}/artifacts/audio.mp3").headers["location"]).content
    assert after != before
    earlier = api.client.get(f"{path}/artifacts/audio.mp3", params={"revision": 1})
    assert httpx.get(earlier.headers["location"]).content == before
    keys = {info.key for info in cluster.stores.work.find(f"{job['id']}/")}
    assert {f"{job['id']}/manifest.json", f"{job['id']}/manifest-2.json"} <= keys
    takes = api.client.get(f"{path}/chunks/{index}/takes").json()["items"]
    assert [take["number"] == kept["number"] for take in takes] == [True, False]
    chunk = cluster.chunks(job["id"])[index]
    assert chunk.sha256 is not None
    assert cluster.stores.work.stat(chunk_audio_key(chunk.sha256)) is not None
    assert api.client.delete(path).status_code == HTTPStatus.NO_CONTENT
    assert list(cluster.stores.work.find(f"{job['id']}/")) == []


def test_changed_text_is_a_job_that_speaks_what_changed(api: Api, cluster: Cluster) -> None:
    cluster.start_worker()
    text = make_text(4)
    path = api.client.post("/v1/jobs", json={"text": text, "outputs": ["mp3"]}).json()["urls"][
        "self"
    ]
    first = ended(api, path)
    body = {"text": f"{text}\n\nOne more thing was said before they parted at the gate."}
    answer = api.client.post(f"{path}/revisions", json=body)
    second = ended(api, answer.headers["location"])
    assert (second["state"], second["revision_of"]) == ("succeeded", first["id"])
    progress = second["progress"]
    assert progress["chunks_cached"] == progress["chunks_total"] - 1
    assert api.client.get(f"{path}/revisions").json()["revised_by"] == [second["id"]]
