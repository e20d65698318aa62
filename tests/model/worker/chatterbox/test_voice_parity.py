"""Every voice network, front end and whole voice equals upstream's, from the same recording."""

import json

import pytest
import torch
from torch import Tensor

from narration.voices.recording import Recording, decode_recording
from tests.model.worker.chatterbox.goldens import Golden, read_golden, relative_error
from tests.model.worker.chatterbox.voices import Networks, from_golden
from worker.chatterbox import mel as fronts
from worker.chatterbox.reference import voice_from_recording
from worker.chatterbox.resample import resample_sinc, resample_soxr
from worker.chatterbox.voice_encoder import trim_silence

LONG_FRAMES = 5750


@pytest.fixture(scope="module", params=["toy", "full"])
def golden(request: pytest.FixtureRequest) -> Golden:
    return read_golden("voice", request.param)


@pytest.fixture(scope="module")
def networks(golden: Golden) -> Networks:
    return from_golden(golden)


def recording(golden: Golden, name: str) -> Recording:
    return decode_recording(bytes(golden[f"recording.{name}"].tolist()), name)


@pytest.fixture(scope="module")
def at_24khz(golden: Golden) -> Tensor:
    heard = recording(golden, "long")
    return torch.from_numpy(resample_soxr(heard.samples, heard.rate_hz, 24_000))


@pytest.fixture(scope="module")
def at_16khz(at_24khz: Tensor) -> Tensor:
    return torch.from_numpy(resample_soxr(at_24khz.numpy(), 24_000, 16_000))


@pytest.fixture(scope="module")
def clips(golden: Golden, at_24khz: Tensor, at_16khz: Tensor) -> tuple[Tensor, Tensor]:
    length = len(golden["front.soxr"])
    return at_24khz[: length * 3 // 2], at_16khz[:length]


def test_golden_tokens_are_varied(golden: Golden) -> None:
    assert int(golden.facts["different_tokens"]) >= 50


def test_resamplers_give_upstreams_samples(golden: Golden, clips: tuple[Tensor, Tensor]) -> None:
    clip, clip_at_16khz = clips
    assert torch.equal(clip_at_16khz, golden["front.soxr"])
    assert relative_error(resample_sinc(clip, 24_000, 16_000), golden["front.sinc"]) < 1e-6


@pytest.mark.parametrize("name", ["speech_token_mel", "voice_encoder_mel", "x_vector_mel"])
def test_front_end_gives_upstreams_mel(
    golden: Golden, clips: tuple[Tensor, Tensor], name: str
) -> None:
    heard = getattr(fronts, name)(clips[1])
    assert relative_error(heard, golden[f"front.{name}"]) < 1e-5


def test_front_end_gives_upstreams_prompt_mel(golden: Golden, clips: tuple[Tensor, Tensor]) -> None:
    expect_log_mel(fronts.prompt_mel(clips[0]), golden["front.prompt_mel"], 1e-5)


def expect_log_mel(actual: Tensor, expected: Tensor, tolerance: float) -> None:
    """Compare magnitudes; near silence, a logarithm shows which Fourier transform a CPU has.

    Transforms for two makes of CPU differed by 5e-5 in the logarithm.
    """
    assert relative_error(actual.exp(), expected.exp()) < tolerance
    assert relative_error(actual, expected) < 10 * tolerance


def test_silence_is_trimmed_where_upstream_trims(golden: Golden, at_16khz: Tensor) -> None:
    start, end = golden["front.trim"].tolist()
    assert start > 0
    assert torch.equal(trim_silence(at_16khz), at_16khz[start:end])


def rows(golden: Golden, at_16khz: Tensor) -> list[Tensor]:
    return [at_16khz[: int(s * 16_000)] for s in json.loads(golden.facts["rows_s"])]


def test_speech_tokenizer_gives_upstreams_hidden_states(
    golden: Golden, networks: Networks, at_16khz: Tensor
) -> None:
    network = networks.speech_tokenizer
    mels = [fronts.speech_token_mel(row, network.mels) for row in rows(golden, at_16khz)]
    with torch.inference_mode():
        hidden, lengths = network.encode(*fronts.pad_rows(mels))
    for i, length in enumerate(lengths.tolist()):
        assert relative_error(hidden[i, :length], golden[f"tokenizer.{i}"]) < golden.tolerance


def test_minute_of_speech_gives_upstreams_tokens(
    golden: Golden, networks: Networks, at_16khz: Tensor
) -> None:
    network = networks.speech_tokenizer
    mel = fronts.speech_token_mel(at_16khz, network.mels)
    minute = mel.repeat(1, 1 + LONG_FRAMES // mel.shape[1])[:, :LONG_FRAMES]
    with torch.inference_mode():
        (tokens,) = network.tokenize([minute])
    assert torch.equal(tokens, golden["tokenizer.long"])


def test_x_vector_equals_upstreams(golden: Golden, networks: Networks, at_16khz: Tensor) -> None:
    network = networks.x_vector
    mels = [fronts.x_vector_mel(row, network.mels) for row in rows(golden, at_16khz)]
    with torch.inference_mode():
        embeddings = network(*fronts.pad_rows(mels))
    for i, embedding in enumerate(embeddings):
        assert relative_error(embedding, golden[f"speaker_encoder.{i}"]) < golden.tolerance


def test_voice_encoder_equals_upstreams(
    golden: Golden, networks: Networks, at_16khz: Tensor
) -> None:
    network = networks.voice_encoder
    mels = [fronts.voice_encoder_mel(row, network.mels) for row in rows(golden, at_16khz)]
    with torch.inference_mode():
        embeddings = network.embed(mels)
    for i, embedding in enumerate(embeddings):
        assert relative_error(embedding, golden[f"ve.{i}"]) < golden.tolerance


@pytest.mark.parametrize("name", ["long", "short"])
def test_voice_of_a_recording_equals_upstreams(
    golden: Golden, networks: Networks, name: str
) -> None:
    voice = voice_from_recording(recording(golden, name), networks)
    for part in ("prompt_tokens", "reference_tokens"):
        assert torch.equal(getattr(voice, part), golden[f"voice.{name}.{part}"])
    mel = golden[f"voice.{name}.reference_mel"]
    expect_log_mel(voice.reference_mel, mel, golden.tolerance)
    for part in ("speaker", "x_vector"):
        expected = golden[f"voice.{name}.{part}"]
        assert relative_error(getattr(voice, part), expected) < golden.tolerance
