import pytest
import torch
from torch import Tensor

from tests.model.worker.chatterbox.goldens import Golden, read_golden, relative_error
from worker.chatterbox.config import SAMPLES_PER_FRAME, HiftConfig
from worker.chatterbox.hift.source import SourceNoise, draw_noise
from worker.chatterbox.hift.vocoder import Vocoder, fade_in
from worker.chatterbox.rows import Ends
from worker.chatterbox.weights import fold_weight_norm, load_strict

ROWS = range(2)
Row = tuple[Tensor, SourceNoise]


@pytest.fixture(scope="module", params=["toy", "full"])
def golden(request: pytest.FixtureRequest) -> Golden:
    return read_golden("hift", request.param)


@pytest.fixture(scope="module")
def vocoder(golden: Golden) -> Vocoder:
    return build(golden)


@pytest.fixture(scope="module")
def toy_vocoder() -> Vocoder:
    return build(read_golden("hift", "toy"))


def build(golden: Golden) -> Vocoder:
    network = Vocoder(golden.config(HiftConfig))
    load_strict(network, fold_weight_norm(golden.weights("mel2wav.")), "the golden")
    return network.eval()


def read_row(golden: Golden, index: int) -> Row:
    noise = SourceNoise(phases=golden[f"{index}.phases"], noise=golden[f"{index}.noise"])
    return golden[f"{index}.mel"], noise


def draw_rows(frames: list[int], config: HiftConfig) -> list[Row]:
    draw = torch.Generator().manual_seed(8)
    return [
        (torch.randn(80, count, generator=draw) * 2 - 5, draw_noise(count, config, draw))
        for count in frames
    ]


def synthesize(vocoder: Vocoder, rows: list[Row]) -> list[Tensor]:
    return vocoder.synthesize([mel for mel, _ in rows], [noise for _, noise in rows])


@pytest.mark.parametrize("index", ROWS)
def test_pitch_equals_upstream(vocoder: Vocoder, golden: Golden, index: int) -> None:
    with torch.no_grad():
        f0 = vocoder.f0_predictor(golden[f"{index}.mel"][None], None)[0]
    assert relative_error(f0, golden[f"{index}.f0"]) < golden.tolerance


def test_voiced_and_unvoiced_frames_both_occur(golden: Golden) -> None:
    f0 = torch.cat([golden[f"{index}.f0"] for index in ROWS])
    assert 0.3 < (f0 > 10).float().mean() < 0.97


@pytest.mark.parametrize("index", ROWS)
def test_source_equals_upstream(vocoder: Vocoder, golden: Golden, index: int) -> None:
    _, noise = read_row(golden, index)
    with torch.no_grad():
        source = vocoder.m_source(
            golden[f"{index}.f0"][None], noise.phases[None], noise.noise[None]
        )[0]
    assert relative_error(source, golden[f"{index}.source"]) < golden.tolerance


@pytest.mark.parametrize("index", ROWS)
def test_filtered_source_equals_upstream(vocoder: Vocoder, golden: Golden, index: int) -> None:
    mel = golden[f"{index}.mel"]
    with torch.no_grad():
        rows = Ends(longest=mel.shape[1], ends=None)
        wave = vocoder.decode(mel[None], golden[f"{index}.source"][None], rows)[0]
    assert relative_error(wave, golden[f"{index}.decoded"]) < golden.tolerance


@pytest.mark.parametrize("index", ROWS)
def test_waveform_equals_upstream(vocoder: Vocoder, golden: Golden, index: int) -> None:
    [wave] = synthesize(vocoder, [read_row(golden, index)])
    assert (wave - fade_in(golden[f"{index}.waveform"][None])[0]).abs().max() < 1e-3


@pytest.mark.parametrize("frames", [[7, 7], [9, 4, 12], [12, 9, 4], [1, 30, 2, 3]])
def test_a_row_is_the_same_in_any_batch(toy_vocoder: Vocoder, frames: list[int]) -> None:
    rows = draw_rows(frames, toy_vocoder.config)
    together = synthesize(toy_vocoder, rows)
    for row, wave in zip(rows, together, strict=True):
        [alone] = synthesize(toy_vocoder, [row])
        assert wave.shape == (SAMPLES_PER_FRAME * row[0].shape[1],)
        assert (wave - alone).abs().max() < 1e-5


def test_reversed_batch_gives_reversed_rows(toy_vocoder: Vocoder) -> None:
    rows = draw_rows([5, 11, 8], toy_vocoder.config)
    forth, back = synthesize(toy_vocoder, rows), synthesize(toy_vocoder, rows[::-1])
    for wave, other in zip(forth, back[::-1], strict=True):
        assert (wave - other).abs().max() < 1e-5


def test_same_seed_draws_the_same_noise() -> None:
    first, second = (
        draw_noise(3, HiftConfig(), torch.Generator().manual_seed(1)) for _ in range(2)
    )
    assert torch.equal(first.noise, second.noise)
    assert torch.equal(first.phases, second.phases)
    assert first.noise.shape == (3 * SAMPLES_PER_FRAME,)
    assert first.phases.abs().max() <= torch.pi


def test_start_is_silent_then_rises() -> None:
    [wave] = fade_in(torch.ones(1, 2000))
    assert wave[:480].abs().max() == 0
    assert bool((wave[481:960] > wave[480:959]).all())
    assert torch.equal(wave[960:], torch.ones(1040))


def test_pitch_of_a_minute_stays_exact(toy_vocoder: Vocoder) -> None:
    frames = 3000
    steady = torch.full((1, frames), 110.0)
    source = toy_vocoder.m_source
    phases, noise = torch.zeros(1, 8), torch.zeros(1, frames * SAMPLES_PER_FRAME)
    with torch.no_grad():
        wave = source(steady, phases, noise)[0]
    period = 2400  # 110 Hz at 24 kHz repeats after eleven cycles
    assert (wave[:period] - wave[-period:]).abs().max() < 1e-5
