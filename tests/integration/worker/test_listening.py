"""A job is listened to while it is narrated, on SQLite and a directory."""

import io
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urljoin

import av
import httpx
import numpy as np
import numpy.typing as npt
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, delete, select, update

from api.app import create_app
from api.deps import Resources
from narration.broker.inline import InlineBroker
from narration.broker.interface import Task
from narration.clock import utc_now
from narration.database import session_scope
from narration.jobs.control import cancel_job
from narration.jobs.record import Part
from narration.jobs.sound_record import PartAudio
from narration.jobs.states import JobState
from narration.storage.keys import PARTS, part_audio_key
from tests.builders import OWNER, make_text
from tests.harness import WorkerHarness
from tests.page_browser import served_page
from worker.assembly.encoding import encode_next

RATE_HZ = 24_000
END = "#EXT-X-ENDLIST"


@pytest.fixture
def harness(sqlite_database: Engine, tmp_path: Path) -> Iterator[WorkerHarness]:
    harness = WorkerHarness(sqlite_database, tmp_path)
    harness.now = utc_now()
    yield harness
    harness.close()


@pytest.fixture
def client(harness: WorkerHarness) -> Iterator[TestClient]:
    resources = Resources(
        settings=harness.settings,
        database=harness.database,
        stores=harness.stores,
        broker=InlineBroker(),
    )
    with TestClient(create_app(harness.settings, resources)) as client:
        yield client


def spoken(harness: WorkerHarness, **settings: object) -> str:
    """Return a job whose chunks are all spoken; the messages to encode its parts wait."""
    job_id = harness.submit(make_text(16), **{"outputs": ["mp3"], **settings})
    harness.deliver_only(Task.PLAN)
    while any(task is Task.RENDER for task, _ in harness.broker.sent):
        others = [message for message in harness.broker.sent if message[0] is not Task.RENDER]
        harness.deliver_only(Task.RENDER)
        harness.broker.sent = others + harness.broker.sent
    return job_id


def encode_one(harness: WorkerHarness) -> bool:
    """Encode one part; False if there is none."""
    return encode_next(harness.worker._context)


def finished(harness: WorkerHarness, **settings: object) -> str:
    job_id = harness.submit(make_text(6), **{"outputs": ["m4b"], **settings})
    harness.deliver()
    assert harness.job(job_id).state is JobState.SUCCEEDED
    return job_id


def playlist(client: httpx.Client, job_id: str) -> httpx.Response:
    return client.get(f"/v1/jobs/{job_id}/listen.m3u8")


def fetch(client: httpx.Client, job_id: str) -> bytes:
    """Return the whole stream that a playlist leads to."""
    answer = playlist(client, job_id)
    init = answer.text.partition('URI="')[2].partition('"')[0]
    names = [init, *(line for line in answer.text.splitlines() if line and line[0] != "#")]
    answers = [client.get(urljoin(str(answer.url), name)) for name in names]
    assert {found.status_code for found in answers} == {HTTPStatus.OK}
    return b"".join(found.content for found in answers)


def decode(data: bytes) -> npt.NDArray[np.float32]:
    """Return what is heard, from time 0 on."""
    with av.open(io.BytesIO(data)) as container:
        frames = [frame for frame in container.decode(audio=0) if (frame.pts or 0) >= 0]
        return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float32)


def rows(harness: WorkerHarness) -> list[PartAudio]:
    with session_scope(harness.database, is_read_only=True) as session:
        return list(session.scalars(select(PartAudio)))


def test_the_playlist_grows_part_by_part_and_ends_with_the_job(
    harness: WorkerHarness, client: TestClient
) -> None:
    job_id = spoken(harness)
    early = playlist(client, job_id)
    assert (early.status_code, early.json()["code"]) == (HTTPStatus.CONFLICT, "nothing_spoken")
    assert early.headers["retry-after"] == "5"
    before, seen = "", 0
    while encode_one(harness):
        answer = playlist(client, job_id)
        assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"
        assert answer.text.startswith(before)
        assert END not in answer.text
        before, seen = answer.text, seen + 1
        fetch(client, job_id)
    assert seen >= 4
    harness.deliver()
    whole = playlist(client, job_id).text
    assert whole == before + END + "\n"
    lengths = [float(line[8:-1]) for line in whole.splitlines() if line.startswith("#EXTINF:")]
    assert max(lengths) <= 6
    assert sum(lengths) == pytest.approx(
        harness.manifest(job_id)["programme"]["duration_s"], abs=0.1
    )


@pytest.mark.parametrize("pause_ms", [0, 400], ids=["no pause", "pauses"])
def test_what_is_heard_is_what_is_delivered(
    harness: WorkerHarness, client: TestClient, pause_ms: int
) -> None:
    pauses = {"sentence_ms": pause_ms, "paragraph_ms": pause_ms, "chapter_ms": pause_ms}
    job_id = harness.submit(make_text(16), outputs=["m4b"], pauses=pauses)
    harness.deliver()
    heard = decode(fetch(client, job_id))
    delivered = decode(harness.read(harness.artifacts(job_id)["audio.m4b"]))
    assert abs(heard.size - delivered.size) <= 2048
    size = min(heard.size, delivered.size) - 2048
    np.testing.assert_array_equal(heard[:size], delivered[:size])


def test_a_known_playlist_is_not_sent_again(harness: WorkerHarness, client: TestClient) -> None:
    job_id = finished(harness)
    etag = playlist(client, job_id).headers["etag"]
    again = client.get(f"/v1/jobs/{job_id}/listen.m3u8", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (HTTPStatus.NOT_MODIFIED, b"")


def test_a_canceled_job_ends_where_it_was_stopped(
    harness: WorkerHarness, client: TestClient
) -> None:
    job_id = spoken(harness)
    encode_one(harness)
    before = playlist(client, job_id).text
    with session_scope(harness.database) as session:
        cancel_job(session, job_id, owner=OWNER, now=harness.now)
    assert playlist(client, job_id).text == before + END + "\n"


def test_once_the_parts_are_deleted_the_finished_file_is_named(
    harness: WorkerHarness, client: TestClient
) -> None:
    job_id = finished(harness)
    for info in list(harness.stores.work.find(PARTS)):
        harness.stores.work.delete(info.key)
    segment = client.get(f"/v1/jobs/{job_id}/listen/0-0.m4s")
    with session_scope(harness.database) as session:
        session.execute(delete(PartAudio))
    for answer in (segment, playlist(client, job_id)):
        assert (answer.status_code, answer.json()["code"]) == (HTTPStatus.GONE, "gone")
        assert "audio.m4b" in answer.json()["detail"]


def test_a_damaged_part_is_not_played(harness: WorkerHarness, client: TestClient) -> None:
    job_id = finished(harness)
    for row in rows(harness):
        if row.sha256:
            harness.stores.work.put(part_audio_key(row.sha256), b"not what was stored")
    answer = client.get(f"/v1/jobs/{job_id}/listen/0-0.m4s")
    assert answer.status_code == HTTPStatus.GONE


def test_listening_keeps_the_parts(harness: WorkerHarness, client: TestClient) -> None:
    job_id = finished(harness)
    long_ago = harness.now - timedelta(days=6)
    with session_scope(harness.database) as session:
        session.execute(update(PartAudio).values(used_at=long_ago))
    assert playlist(client, job_id).is_success
    assert {row.used_at > long_ago for row in rows(harness) if row.sha256} == {True}


def test_jobs_narrated_by_an_older_version_lead_to_their_files(
    harness: WorkerHarness, client: TestClient
) -> None:
    job_id = finished(harness)
    with session_scope(harness.database) as session:
        session.execute(update(Part).values(audio_sha256=None))
    assert "audio.m4b" in playlist(client, job_id).json()["detail"]


def test_captions_alone_make_no_sound(harness: WorkerHarness, client: TestClient) -> None:
    job_id = finished(harness, outputs=["vtt"])
    answer = playlist(client, job_id)
    assert (answer.status_code, rows(harness)) == (HTTPStatus.NOT_FOUND, [])
    assert "only captions" in answer.json()["detail"]


def test_segments_that_are_not_there_are_not_found(
    harness: WorkerHarness, client: TestClient
) -> None:
    job_id = finished(harness)
    for name in ("999-0.m4s", "0-999.m4s", "x.m4s", "0-0.mp4"):
        assert client.get(f"/v1/jobs/{job_id}/listen/{name}").status_code == HTTPStatus.NOT_FOUND


def test_ffmpeg_plays_a_job_that_is_still_spoken(tmp_path: Path) -> None:
    with served_page(tmp_path / "data", "--chunk-s", "0.6") as served:
        job_id = served.submit(make_text(16), outputs=["mp3"])
        url = f"{served.api}/jobs/{job_id}/listen.m3u8"
        for _ in range(600):
            if httpx.get(url).is_success:
                break
        assert served.state(job_id) == "rendering"
        with av.open(url, options={"live_start_index": "0"}) as container:
            samples = sum(frame.samples for frame in container.decode(audio=0))
        assert served.state(job_id) == "succeeded"
        items = httpx.get(f"{served.api}/jobs/{job_id}/artifacts").json()["items"]
        duration_s = next(item["duration_s"] for item in items if item["name"] == "audio.mp3")
        assert samples / RATE_HZ == pytest.approx(duration_s, abs=0.1)
