"""Streams of speech over a real connection, and what happens to them when something fails."""

import base64
import itertools
import json
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.builders import make_text
from tests.cluster import wait_for
from tests.speech_server import SpeechServer, serve

CHUNK_S = 0.5
SENTENCES = 12
MP3_BYTES_PER_S = 8000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpeechServer]:
    folder = tmp_path_factory.mktemp("speech")
    with serve(folder, chunk_s=CHUNK_S, speech_wait_s=4, speech_at_once=1) as server:
        yield server


def stream(server: SpeechServer, text: str, **fields: str) -> Any:
    body = {"model": "rhapsode", "input": text, "response_format": "pcm"} | fields
    return httpx.stream("POST", f"{server.url}/v1/audio/speech", json=body, timeout=30)


def text(name: str) -> str:
    """A text of which no chunk was spoken for another test."""
    return make_text(SENTENCES, name=name)


def state(server: SpeechServer, job_id: str) -> str:
    return str(server.job(job_id)["state"])


def test_the_first_sound_comes_before_the_text_is_spoken(server: SpeechServer) -> None:
    with stream(server, text("the first")) as answer:
        blocks = answer.iter_raw()
        first = next(blocks)
        progress = server.job(answer.headers["x-job-id"])["progress"]
        assert progress["chunks_done"] < progress["chunks_total"]
        rest = b"".join(blocks)
    assert len(rest) > len(first)


def test_the_first_piece_is_a_moment_that_is_encoded_before_the_rest_of_its_chunk(
    server: SpeechServer,
) -> None:
    with stream(server, text("the moment"), response_format="mp3", stream_format="sse") as answer:
        lines = (line for line in answer.iter_lines() if line.startswith("data: "))
        first, second = (
            base64.b64decode(json.loads(line.removeprefix("data: "))["audio"])
            for line in itertools.islice(lines, 2)
        )
    assert 0 < len(first) <= MP3_BYTES_PER_S // 4
    assert len(second) > 3 * len(first)


def test_whoever_hangs_up_cancels_the_job(server: SpeechServer) -> None:
    with stream(server, text("the absent")) as answer:
        next(answer.iter_raw())
    job_id = answer.headers["x-job-id"]
    wait_for(lambda: state(server, job_id) == "canceled", 10, "cancellation")


def test_a_failure_amid_the_sound_breaks_the_connection_off(server: SpeechServer) -> None:
    broken = f"{make_text(3, name='the broken')} This is unspeakable, whoever tries to say it."
    sound: list[bytes] = []

    def listen() -> None:
        with stream(server, broken) as answer:
            assert answer.status_code == HTTPStatus.OK
            sound.extend(answer.iter_raw())

    with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
        listen()
    assert sound


def test_a_failure_before_the_first_sound_is_a_problem(server: SpeechServer) -> None:
    with stream(server, "It is unspeakable.") as answer:
        problem = httpx.Response(200, content=answer.read()).json()
    assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
    assert (problem["code"], problem["error"]["type"]) == ("chunk_failed", "server_error")


def test_more_at_once_than_the_server_takes_are_told_when_to_come_back(
    server: SpeechServer,
) -> None:
    with stream(server, text("one")):
        with stream(server, text("another")) as answer:
            answer.read()
        assert answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
        assert answer.headers["retry-after"]
        assert answer.json()["error"]["type"] == "rate_limit_error"


def test_a_stream_that_nobody_speaks_is_given_up(tmp_path: Path) -> None:
    with serve(tmp_path, chunk_s=6.0, speech_wait_s=1.0) as server:
        with stream(server, "…") as answer:  # starts a process that reads texts
            assert answer.status_code == HTTPStatus.BAD_REQUEST
        began = time.monotonic()
        with stream(server, "It takes too long.") as answer:
            answer.read()
        assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        assert time.monotonic() - began < 4
        (job,) = server.get("/v1/jobs?kind=speech").json()["items"]
        assert job["state"] == "canceled"
