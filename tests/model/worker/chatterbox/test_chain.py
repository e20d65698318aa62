"""From tokens to sound in one run: S3Gen's mel feeds HiFT, as upstream's fed upstream's."""

import pytest
import torch
from torch import Tensor

from tests.model.worker.chatterbox.goldens import Golden, read_golden
from worker.chatterbox.config import FlowConfig, HiftConfig
from worker.chatterbox.hift.source import SourceNoise
from worker.chatterbox.hift.vocoder import Vocoder, fade_in
from worker.chatterbox.s3gen.flow import Flow
from worker.chatterbox.voice import Voice, make_voice
from worker.chatterbox.weights import fold_weight_norm, load_strict

ROWS = range(2)


@pytest.fixture(scope="module", params=["toy", "full"])
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def chain(size: str) -> Golden:
    return read_golden("chain", size)


@pytest.fixture(scope="module")
def waveforms(size: str, chain: Golden) -> list[Tensor]:
    """Both rows in one batch."""
    inputs = read_golden("s3gen", size)
    flow = Flow(inputs.config(FlowConfig))
    flow.load_state_dict(inputs.weights("flow."))
    mels = flow.eval().generate(
        [inputs[f"{row}.tokens"] for row in ROWS],
        [read_voice(inputs, row) for row in ROWS],
        [inputs[f"{row}.noise"] for row in ROWS],
    )
    noises = [
        SourceNoise(phases=chain[f"{row}.phases"], noise=chain[f"{row}.noise"]) for row in ROWS
    ]
    return build_vocoder(size).synthesize(mels, noises)


def read_voice(golden: Golden, row: int) -> Voice:
    return make_voice(
        speaker=torch.zeros(256),
        prompt_tokens=torch.zeros(0, dtype=torch.int64),
        reference_tokens=golden[f"{row}.prompt"],
        reference_mel=golden[f"{row}.prompt_mel"],
        x_vector=golden[f"{row}.x_vector"],
    )


def build_vocoder(size: str) -> Vocoder:
    golden = read_golden("hift", size)
    network = Vocoder(golden.config(HiftConfig))
    load_strict(network, fold_weight_norm(golden.weights("mel2wav.")), "the golden")
    return network.eval()


@pytest.mark.parametrize("row", ROWS)
def test_tokens_become_the_waveform_upstream_makes_of_them(
    waveforms: list[Tensor], chain: Golden, row: int
) -> None:
    [expected] = fade_in(chain[f"{row}.waveform"][None])
    assert expected.std() > 0.02
    assert waveforms[row].shape == expected.shape
    assert (waveforms[row] - expected).abs().max() < 1e-3


def test_some_of_it_is_voiced(chain: Golden) -> None:
    f0 = torch.cat([chain[f"{row}.f0"] for row in ROWS])
    assert (f0 > 10).float().mean() > 0.3
