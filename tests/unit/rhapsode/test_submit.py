"""The client against a scripted server: what it sends, how it waits, what it stores."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from narration.errors import (
    InputError,
    NotFoundError,
    RecordingError,
    RhapsodeError,
    TransientError,
)
from narration.jobs.request import JobSettings, OutputFormat
from rhapsode.http_client import ApiClient, Upload
from rhapsode.outputs import Output
from rhapsode.progress import Rendered
from rhapsode.submit import NarrationRequest, begin, ensure_voice, finish, plan, read_text
from tests.paper_server import PROBLEM, SHA256, SOUND, PaperServer, artifacts, job, planned


@pytest.fixture
def paper() -> PaperServer:
    paper = PaperServer()
    paper.on("POST /v1/jobs", job("queued"))
    paper.on("GET /v1/jobs/j", job("rendering"), job("succeeded"))
    paper.on("GET /v1/jobs/j/artifacts", artifacts())
    paper.on("GET /audio.mp3", httpx.Response(200, content=SOUND))
    return paper


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def server(paper: PaperServer, waits: list[float]) -> ApiClient:
    transport = httpx.MockTransport(paper)
    return ApiClient(
        "http://server", "the-key", retry_for_s=30, sleep=waits.append, transport=transport
    )


@pytest.fixture
def order(tmp_path: Path) -> NarrationRequest:
    file = tmp_path / "story.txt"
    file.write_text("Once upon a time.")
    output = Output(path=tmp_path / "story.mp3", format=OutputFormat.MP3)
    settings = JobSettings(outputs=(OutputFormat.MP3,))
    return NarrationRequest(text=read_text(file), settings=settings, outputs=[output])


@pytest.fixture
def narrate(server: ApiClient, order: NarrationRequest) -> Callable[[], list[Rendered]]:
    def run() -> list[Rendered]:
        reports: list[Rendered] = []
        finish(server, begin(server, order), reports.append, sleep=lambda _: None)
        return reports

    return run


def test_audio_arrives_whole(narrate: Any, tmp_path: Path) -> None:
    reports = narrate()
    assert [rendered.state for rendered in reports] == ["queued", "rendering", "succeeded"]
    assert reports[-1].speed == 2.0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["story.mp3", "story.txt"]
    assert (tmp_path / "story.mp3").read_bytes() == SOUND


def test_key_goes_to_the_server_and_not_to_the_store(narrate: Any, paper: PaperServer) -> None:
    narrate()
    assert paper.calls("POST /v1/jobs")[0].headers["authorization"] == "Bearer the-key"
    assert "authorization" not in paper.calls("GET /audio.mp3")[0].headers


def test_same_command_asks_for_the_same_job(narrate: Any, paper: PaperServer) -> None:
    narrate()
    narrate()
    first, again = (r.headers["idempotency-key"] for r in paper.calls("POST /v1/jobs"))
    assert first == again


def test_changed_text_asks_for_another_job(
    server: ApiClient, paper: PaperServer, order: NarrationRequest
) -> None:
    other = Upload(name=order.text.name, data=b"Once upon another time.")
    for text in (order.text, other):
        finish(
            server, begin(server, replace(order, text=text)), lambda _: None, sleep=lambda _: None
        )
    first, again = (r.headers["idempotency-key"] for r in paper.calls("POST /v1/jobs"))
    assert first != again


def test_earlier_failure_is_tried_again(narrate: Any, paper: PaperServer) -> None:
    paper.on("POST /v1/jobs", job("failed"))
    paper.on("POST /v1/jobs/j/retry", job("queued"))
    narrate()
    assert len(paper.calls("POST /v1/jobs/j/retry")) == 1


def test_retry_whose_answer_was_lost_goes_on(narrate: Any, paper: PaperServer) -> None:
    paper.on("POST /v1/jobs", job("failed"))
    paper.on("POST /v1/jobs/j/retry", httpx.ReadError("cut off"), httpx.Response(409, json=PROBLEM))
    assert narrate()[-1].state == "succeeded"


def test_retry_that_is_refused_says_why(narrate: Any, paper: PaperServer) -> None:
    paper.on("POST /v1/jobs", job("failed"))
    paper.on("POST /v1/jobs/j/retry", httpx.Response(409, json=PROBLEM))
    paper.on("GET /v1/jobs/j", job("failed"))
    with pytest.raises(InputError, match="the text is empty"):
        narrate()


def test_store_that_stumbles_is_asked_again(
    narrate: Any, paper: PaperServer, tmp_path: Path
) -> None:
    paper.on("GET /audio.mp3", httpx.Response(500), httpx.Response(200, content=SOUND))
    narrate()
    assert (tmp_path / "story.mp3").read_bytes() == SOUND


def test_server_that_restarts_is_waited_for(
    narrate: Any, paper: PaperServer, waits: list[float]
) -> None:
    busy = httpx.Response(503, json=PROBLEM, headers={"Retry-After": "7"})
    paper.on("GET /v1/jobs/j", httpx.ConnectError("refused"), busy, job("succeeded"))
    narrate()
    assert waits[0] < waits[1] == 7


def test_server_that_stays_away_ends_in_a_word_about_it(paper: PaperServer) -> None:
    paper.on("POST /v1/jobs", httpx.ConnectError("refused"))
    server = ApiClient("http://server", None, retry_for_s=0, transport=httpx.MockTransport(paper))
    with pytest.raises(TransientError, match="http://server does not answer"):
        server.request("POST", "/v1/jobs")


def test_refusal_is_told_in_the_servers_words(narrate: Any, paper: PaperServer) -> None:
    paper.on("POST /v1/jobs", httpx.Response(422, json=PROBLEM))
    with pytest.raises(InputError, match=r"the text is empty \(Send a text.\)"):
        narrate()


def test_what_is_no_rhapsode_is_not_taken_for_one(narrate: Any, paper: PaperServer) -> None:
    paper.on("POST /v1/jobs", httpx.Response(404, content=b"<html>"))
    with pytest.raises(NotFoundError, match="status 404 from server"):
        narrate()


@pytest.mark.parametrize(("retryable", "error"), [(True, TransientError), (False, InputError)])
def test_failed_job_says_why_and_whether_to_try_again(
    narrate: Any, paper: PaperServer, retryable: bool, error: type[RhapsodeError]
) -> None:
    why = {"code": "chunk_failed", "detail": "chunk 3 is silent", "retryable": retryable}
    paper.on("GET /v1/jobs/j", job("failed", error=why))
    with pytest.raises(error, match="chunk 3 is silent") as raised:
        narrate()
    assert raised.value.code == "chunk_failed"


def test_canceled_job_is_no_success(narrate: Any, paper: PaperServer) -> None:
    paper.on("GET /v1/jobs/j", job("canceled"))
    with pytest.raises(InputError, match="was canceled"):
        narrate()


def test_broken_download_goes_on_where_it_stopped(
    narrate: Any, paper: PaperServer, tmp_path: Path
) -> None:
    (tmp_path / f".story.mp3.{SHA256[:12]}.part").write_bytes(SOUND[:700])
    paper.on("GET /audio.mp3", httpx.Response(206, content=SOUND[700:]))
    narrate()
    assert paper.calls("GET /audio.mp3")[0].headers["range"] == "bytes=700-"
    assert (tmp_path / "story.mp3").read_bytes() == SOUND


def test_store_without_ranges_sends_the_whole_again(narrate: Any, tmp_path: Path) -> None:
    (tmp_path / f".story.mp3.{SHA256[:12]}.part").write_bytes(b"older bytes")
    narrate()
    assert (tmp_path / "story.mp3").read_bytes() == SOUND


def test_download_that_was_complete_is_only_checked(
    narrate: Any, paper: PaperServer, tmp_path: Path
) -> None:
    (tmp_path / f".story.mp3.{SHA256[:12]}.part").write_bytes(SOUND)
    paper.on("GET /audio.mp3", httpx.Response(416))
    narrate()
    assert (tmp_path / "story.mp3").read_bytes() == SOUND


def test_damaged_download_is_not_delivered(
    narrate: Any, paper: PaperServer, tmp_path: Path
) -> None:
    paper.on("GET /audio.mp3", httpx.Response(200, content=SOUND[:-1] + b"x"))
    with pytest.raises(TransientError, match="damaged"):
        narrate()
    assert [path.name for path in tmp_path.iterdir()] == ["story.txt"]


def test_store_that_refuses_is_named(narrate: Any, paper: PaperServer) -> None:
    paper.on("GET /audio.mp3", httpx.Response(403))
    with pytest.raises(InputError, match=r"status 403 from store\.example\.org"):
        narrate()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"id": "j", "state": "queued"}'])
def test_answer_of_another_service_is_named(narrate: Any, paper: PaperServer, body: bytes) -> None:
    paper.on("POST /v1/jobs", httpx.Response(200, content=body))
    with pytest.raises(InputError, match="POST http://server/v1/jobs was not answered as by"):
        narrate()


def test_state_of_a_newer_server_is_waited_out(narrate: Any, paper: PaperServer) -> None:
    paper.on("GET /v1/jobs/j", job("polishing"), job("succeeded"))
    assert [rendered.state for rendered in narrate()] == ["queued", "polishing", "succeeded"]


def test_recording_is_uploaded_under_a_name_of_its_own(
    server: ApiClient, paper: PaperServer, tmp_path: Path
) -> None:
    recording = tmp_path / "My voice (2).wav"
    recording.write_bytes(b"sound")
    paper.on("POST /v1/voices", httpx.Response(202, json={"id": "v", "state": "preparing"}))
    preparing = httpx.Response(200, json={"id": "v", "state": "preparing"})
    ready = httpx.Response(200, json={"id": "v", "state": "ready"})
    paper.on("GET /v1/voices/v", preparing, ready)
    assert ensure_voice(server, recording, sleep=lambda _: None) == "v"
    digest = hashlib.sha256(b"sound").hexdigest()
    assert f"My-voice-2-{digest[:8]}".encode() in paper.calls("POST /v1/voices")[0].content


def test_recording_that_makes_no_voice_says_why(
    server: ApiClient, paper: PaperServer, tmp_path: Path
) -> None:
    recording = tmp_path / "noise.wav"
    recording.write_bytes(b"noise")
    failed = {"id": "v", "state": "failed", "error": "nobody speaks"}
    paper.on("POST /v1/voices", httpx.Response(200, json=failed))
    with pytest.raises(RecordingError, match="nobody speaks"):
        ensure_voice(server, recording)


def test_settings_travel_as_they_are(narrate: Any, paper: PaperServer) -> None:
    narrate()
    sent = paper.calls("POST /v1/jobs")[0].content.decode(errors="replace")
    form = json.loads(sent[sent.index("{") : sent.index("\r\n", sent.index("{"))])
    assert form["outputs"] == ["mp3"]
    assert form["destination"] == {"profile": "default", "prefix": ""}


def test_a_plan_is_read_and_given_back(
    server: ApiClient, order: NarrationRequest, paper: PaperServer
) -> None:
    paper.on("POST /v1/plans", planned(chunks=3))
    paper.on("DELETE /v1/plans/p", httpx.Response(204))
    assert plan(server, order).chunks == 3
    (sent,) = paper.calls("POST /v1/plans")
    assert order.text.data in sent.content
    assert len(paper.calls("DELETE /v1/plans/p")) == 1
    assert paper.calls("POST /v1/jobs") == []
