"""Laws of the voice networks: rows are independent, and gradients reach the input."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.model.worker.chatterbox.voices import Networks, toy_networks
from worker.chatterbox import mel as fronts
from worker.chatterbox.reference import compare_speakers
from worker.chatterbox.resample import resample_sinc, resample_soxr
from worker.chatterbox.voice import Voice
from worker.chatterbox.voice_encoder import trim_silence

TOLERANCE = 1e-5
LENGTHS = (250, 163, 97, 8)  # over two segments of CAM++, inside one, odd and tiny


@pytest.fixture(scope="module")
def networks() -> Networks:
    return toy_networks()


def mels(bins: int, lengths: tuple[int, ...] = LENGTHS) -> list[Tensor]:
    """Return noise of a different colour per row, since white noise has the same statistics."""
    draw = torch.Generator().manual_seed(1)
    return [
        torch.randn(bins, length, generator=draw) + 3 * torch.randn(bins, 1, generator=draw)
        for length in lengths
    ]


def hidden_states(networks: Networks, rows: list[Tensor]) -> list[Tensor]:
    hidden, lengths = networks.speech_tokenizer.encode(*fronts.pad_rows(rows))
    return [row[:length] for row, length in zip(hidden, lengths.tolist(), strict=True)]


def x_vectors(networks: Networks, rows: list[Tensor]) -> list[Tensor]:
    return list(networks.x_vector(*fronts.pad_rows(rows)))


def identities(networks: Networks, rows: list[Tensor]) -> list[Tensor]:
    return list(networks.voice_encoder.embed(rows))


Run = Callable[[Networks, list[Tensor]], list[Tensor]]
NETWORKS = [(hidden_states, 16), (x_vectors, 16), (identities, 8)]


@pytest.mark.parametrize(("run", "bins"), NETWORKS)
def test_padding_changes_no_row(networks: Networks, run: Run, bins: int) -> None:
    rows = mels(bins)
    with torch.inference_mode():
        together = run(networks, rows)
        alone = [run(networks, [row])[0] for row in rows]
    for one, other in zip(together, alone, strict=True):
        assert torch.allclose(one, other, atol=TOLERANCE)


@pytest.mark.parametrize(("run", "bins"), NETWORKS)
def test_order_of_a_batch_does_not_matter(networks: Networks, run: Run, bins: int) -> None:
    rows = mels(bins)
    with torch.inference_mode():
        forward = run(networks, rows)
        backward = run(networks, rows[::-1])[::-1]
    for one, other in zip(forward, backward, strict=True):
        assert torch.allclose(one, other, atol=TOLERANCE)


@pytest.mark.parametrize(("run", "bins"), NETWORKS)
def test_rows_differ_from_each_other(networks: Networks, run: Run, bins: int) -> None:
    with torch.inference_mode():
        first, second = run(networks, mels(bins, (163, 163)))
    assert not torch.allclose(first, second, atol=100 * TOLERANCE)


@pytest.mark.parametrize(("run", "bins"), NETWORKS)
def test_gradients_reach_every_weight_that_is_used(networks: Networks, run: Run, bins: int) -> None:
    for row in run(networks, mels(bins)):
        row.square().sum().backward(retain_graph=True)
    network = {
        hidden_states: networks.speech_tokenizer.encoder,
        x_vectors: networks.x_vector,
        identities: networks.voice_encoder.lstm,
    }[run]
    assert all(weight.grad is not None for weight in network.parameters())


def test_tokens_spell_the_rounded_digits_in_base_three(networks: Networks) -> None:
    hidden = 3 * torch.randn(2, 5, 32, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        digits = networks.speech_tokenizer.digits(hidden)
        tokens = networks.speech_tokenizer.quantize(hidden)
    assert digits.abs().max() < 1
    spelled = sum((digits[..., i].round() + 1).long() * 3**i for i in range(8))
    assert torch.equal(tokens, spelled)


@pytest.mark.parametrize("frames", [4, 3000, 3001, 3400, 3401, 5600, 5601, 9000])
def test_no_token_of_a_long_recording_is_lost(networks: Networks, frames: int) -> None:
    rows = mels(16, (frames, 40))
    with torch.inference_mode():
        tokens = networks.speech_tokenizer.tokenize(rows)
    assert [len(row) for row in tokens] == [-(-frames // 4), 10]


FRONTS = [
    (fronts.speech_token_mel, 16_000, 100),
    (fronts.prompt_mel, 24_000, 50),
    (fronts.voice_encoder_mel, 16_000, 101),
    (fronts.x_vector_mel, 16_000, 98),
]


@pytest.mark.parametrize(("front", "rate_hz", "frames"), FRONTS)
def test_front_end_takes_any_leading_shape(
    front: Callable[[Tensor], Tensor], rate_hz: int, frames: int
) -> None:
    second = 0.1 * torch.randn(2, 3, rate_hz, generator=torch.Generator().manual_seed(3))
    together = front(second)
    assert together.shape[:2] == (2, 3)
    assert together.shape[-1] == frames
    assert torch.allclose(together[1, 2], front(second[1, 2]), atol=TOLERANCE)


@pytest.mark.parametrize(("front", "rate_hz", "frames"), FRONTS)
def test_front_end_of_silence_is_finite(
    front: Callable[[Tensor], Tensor], rate_hz: int, frames: int
) -> None:
    assert front(torch.zeros(rate_hz)).isfinite().all()


@pytest.mark.parametrize(
    ("from_hz", "to_hz"), [(24_000, 16_000), (16_000, 24_000), (44_100, 24_000)]
)
def test_both_resamplers_keep_a_tone(from_hz: int, to_hz: int) -> None:
    def tone(rate_hz: int) -> Tensor:
        return torch.sin(2 * torch.pi * 440 * torch.arange(rate_hz) / rate_hz)

    by_sinc = resample_sinc(tone(from_hz), from_hz, to_hz)
    by_soxr = torch.from_numpy(resample_soxr(tone(from_hz).numpy(), from_hz, to_hz))
    middle = slice(to_hz // 4, 3 * to_hz // 4)
    for resampled in (by_sinc, by_soxr):
        assert resampled.shape == (to_hz,)
        assert torch.allclose(resampled[middle], tone(to_hz)[middle], atol=2e-3)


def test_trim_keeps_a_recording_without_pauses() -> None:
    tone = torch.sin(torch.arange(32_000) / 10)
    assert torch.equal(trim_silence(tone), tone)


def test_trim_drops_quiet_ends_only() -> None:
    tone = torch.sin(torch.arange(48_000) / 10)
    tone[:16_000] *= 0.001
    tone[24_000:25_000] *= 0.001
    tone[40_000:] *= 0.001
    kept = trim_silence(tone)
    assert 24_000 <= len(kept) <= 24_000 + 3 * 2048


def test_trim_of_silence_keeps_it() -> None:
    assert len(trim_silence(torch.zeros(16_000))) == 16_000


def test_a_waveform_is_most_like_the_voice_whose_speaker_it_has(networks: Networks) -> None:
    draw = torch.Generator().manual_seed(2)
    waveform = torch.randn(48_000, generator=draw).numpy()
    at_16khz = torch.from_numpy(resample_soxr(waveform, 24_000, 16_000))
    mel = fronts.voice_encoder_mel(trim_silence(at_16khz), networks.voice_encoder.mels)
    with torch.inference_mode():
        speaker = networks.voice_encoder.embed([mel])[0]

    def likeness(to: Tensor) -> float:
        plain = torch.zeros(1)
        voice = Voice(
            digest="", speaker=to, prompt_tokens=plain, reference_tokens=plain,
            reference_mel=plain, x_vector=plain,
        )  # fmt: skip
        return compare_speakers(voice, waveform, networks=networks)

    assert likeness(speaker) == pytest.approx(1, abs=1e-4)
    assert likeness(speaker.roll(1)) < 0.999
