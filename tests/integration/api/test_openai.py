"""OpenAI's own client against a server that makes tones."""

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest

from narration.sound.streams import StreamFormat
from narration.sound.waveform import SAMPLE_RATE_HZ
from tests.speech_server import SpeechServer, serve
from tests.unit.narration.sound.test_streams import decode

KEY = "the-key"
TEXT = (
    "The kettle was on the stove, and nobody was in the kitchen. When the river had gone down "
    "again, the miller walked out to look at the wheel, which had not turned since the autumn. "
    "Nobody in the valley could remember such a spring, though many pretended to."
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpeechServer]:
    with serve(tmp_path_factory.mktemp("speech"), key=KEY) as server:
        yield server


@pytest.fixture
def client(server: SpeechServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def speak(client: openai.OpenAI, **fields: Any) -> bytes:
    request: Any = {"model": "rhapsode", "voice": "default", "input": TEXT, **fields}
    return client.audio.speech.create(**request).content


def samples(data: bytes, kind: StreamFormat) -> Any:
    if kind is StreamFormat.PCM:
        return np.frombuffer(data, dtype="<i2").astype(np.float32) / 32768
    return decode(data)[1]


@pytest.fixture(scope="module")
def spoken(server: SpeechServer) -> Any:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
        return samples(speak(client, response_format="pcm"), StreamFormat.PCM)


@pytest.mark.parametrize("kind", list(StreamFormat))
def test_every_format_is_the_same_speech(
    client: openai.OpenAI, spoken: Any, kind: StreamFormat
) -> None:
    heard = samples(speak(client, response_format=kind.value), kind)
    assert abs(heard.size - spoken.size) <= 0.1 * SAMPLE_RATE_HZ
    assert np.sqrt(np.mean(heard**2)) == pytest.approx(np.sqrt(np.mean(spoken**2)), rel=0.1)


def test_a_stream_is_heard_piece_by_piece(client: openai.OpenAI, spoken: Any) -> None:
    request = client.audio.speech.with_streaming_response.create(
        model="rhapsode", voice="default", input=TEXT, response_format="pcm"
    )
    with request as response:
        assert response.headers["content-type"] == "audio/pcm"
        data = b"".join(response.iter_bytes())
    assert np.array_equal(samples(data, StreamFormat.PCM), spoken)


def test_the_asynchronous_client_is_served_alike(server: SpeechServer, spoken: Any) -> None:
    async def stream() -> bytes:
        async with (
            openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client,
            client.audio.speech.with_streaming_response.create(
                model="rhapsode", voice="default", input=TEXT, response_format="pcm"
            ) as response,
        ):
            return b"".join([block async for block in response.iter_bytes()])

    assert np.array_equal(samples(asyncio.run(stream()), StreamFormat.PCM), spoken)


def test_events_carry_the_stream(client: openai.OpenAI, spoken: Any) -> None:
    text = speak(client, response_format="pcm", stream_format="sse").decode()
    events = [json.loads(line.removeprefix("data: ")) for line in text.split("\n\n") if line]
    assert [event["type"] for event in events[-2:]] == ["speech.audio.delta", "speech.audio.done"]
    assert events[-1]["usage"]["input_tokens"] == len(TEXT)
    data = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert np.array_equal(samples(data, StreamFormat.PCM), spoken)


def test_models_are_listed_and_read(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names == ["rhapsode", "tone"]
    assert client.models.retrieve("tone").owned_by == "rhapsode"
    assert speak(client, model="tone")


@pytest.mark.parametrize(
    ("fields", "error", "param"),
    [
        ({"speed": 1.5}, openai.BadRequestError, "speed"),
        ({"instructions": "Whisper."}, openai.BadRequestError, "instructions"),
        ({"response_format": "midi"}, openai.BadRequestError, "response_format"),
        ({"input": ""}, openai.BadRequestError, "input"),
        ({"input": "…"}, openai.BadRequestError, None),
        ({"voice": "nobody"}, openai.NotFoundError, None),
        ({"model": "tts-1"}, openai.NotFoundError, None),
    ],
)
def test_what_cannot_be_done_is_said_before_the_first_byte(
    client: openai.OpenAI, fields: dict[str, Any], error: type[openai.APIStatusError], param: str
) -> None:
    with pytest.raises(error) as caught:
        speak(client, **fields)
    assert caught.value.param == param
    assert caught.value.response.json()["what_now"]


def test_a_model_that_is_not_there_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="choose among rhapsode, tone"):
        client.models.retrieve("gone")


def test_a_wrong_key_is_an_authentication_error(server: SpeechServer) -> None:
    with (
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        speak(client)


def test_a_long_text_is_too_large_and_a_job_where_that_is_preferred(
    client: openai.OpenAI, server: SpeechServer
) -> None:
    text = TEXT * 20
    with pytest.raises(openai.APIStatusError, match="POST /v1/jobs") as caught:
        speak(client, input=text)
    assert caught.value.status_code == 413
    answer = client.audio.speech.with_raw_response.create(
        model="rhapsode",
        voice="default",
        input=text,
        extra_headers={"Prefer": "respond-async"},
    )
    assert answer.status_code == 202
    job = server.get(answer.headers["location"]).json()
    assert (job["kind"], job["settings"]["outputs"]) == ("narration", ["mp3"])


def test_the_job_behind_a_stream_ends_and_is_no_narration(server: SpeechServer) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    body = {"model": "rhapsode", "input": TEXT}
    answer = httpx.post(f"{server.url}/v1/audio/speech", json=body, headers=headers, timeout=30)
    job_id = answer.headers["x-job-id"]
    job = server.get(f"/v1/jobs/{job_id}?wait=10").json()
    assert (job["state"], job["kind"]) == ("succeeded", "speech")
    assert job["expires_at"] is not None
    assert job_id not in server.get("/v1/jobs?limit=100").text
    assert job_id in server.get("/v1/jobs?kind=speech&limit=100").text


def test_without_keys_any_key_will_do(tmp_path: Path) -> None:
    with (
        serve(tmp_path) as server,
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="any") as client,
    ):
        assert speak(client)


def test_a_preview_is_spoken_once_and_kept(server: SpeechServer) -> None:
    first = server.get("/v1/voices/default/preview?wait=20")
    again = server.get("/v1/voices/default/preview")
    assert first.headers["content-type"] == "audio/mpeg"
    assert decode(first.content)[1].size > SAMPLE_RATE_HZ
    assert again.content == first.content
    assert len(server.get("/v1/jobs?kind=preview").json()["items"]) == 1
