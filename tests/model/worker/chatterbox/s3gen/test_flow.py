import pytest
import torch
from torch import Tensor

from tests.model.worker.chatterbox.goldens import Golden, read_golden, relative_error
from worker.chatterbox.config import FlowConfig
from worker.chatterbox.s3gen.flow import Flow, noise_frames
from worker.chatterbox.s3gen.packing import pack_lengths
from worker.chatterbox.s3gen.unet import Condition
from worker.chatterbox.voice import Voice, make_voice

SIZES = ["toy", "full"]
Row = tuple[Tensor, Voice, Tensor]


@pytest.fixture(scope="module", params=SIZES)
def golden(request: pytest.FixtureRequest) -> Golden:
    return read_golden("s3gen", request.param)


@pytest.fixture(scope="module")
def flow(golden: Golden) -> Flow:
    network = Flow(golden.config(FlowConfig))
    network.load_state_dict(golden.weights("flow."))
    return network.eval()


@pytest.fixture(scope="module")
def toy() -> Golden:
    return read_golden("s3gen", "toy")


@pytest.fixture(scope="module")
def toy_flow(toy: Golden) -> Flow:
    network = Flow(toy.config(FlowConfig))
    network.load_state_dict(toy.weights("flow."))
    return network.eval()


def read_rows(golden: Golden) -> list[Row]:
    count = sum(name.endswith(".tokens") for name in golden.tensors)
    return [
        (golden[f"{i}.tokens"], read_voice(golden, i), golden[f"{i}.noise"]) for i in range(count)
    ]


def read_voice(golden: Golden, index: int) -> Voice:
    return make_voice(
        speaker=torch.zeros(256),
        prompt_tokens=torch.zeros(0, dtype=torch.int64),
        reference_tokens=golden[f"{index}.prompt"],
        reference_mel=golden[f"{index}.prompt_mel"],
        x_vector=golden[f"{index}.x_vector"],
    )


def speak(flow: Flow, rows: list[Row]) -> list[Tensor]:
    tokens, voices, noise = (list(part) for part in zip(*rows, strict=True))
    return flow.generate(tokens, voices, noise)


def test_encoder_equals_upstream(flow: Flow, golden: Golden) -> None:
    row = torch.cat([golden["0.prompt"], golden["0.tokens"]])
    with torch.no_grad():
        [features] = flow.encode([row])
    assert relative_error(features, golden["0.features"]) < golden.tolerance


def test_estimator_equals_upstream_at_one_step(flow: Flow, golden: Golden) -> None:
    state, features = golden["0.state"].T, golden["0.features"]
    frames, prompt_mel = len(features), golden["0.prompt_mel"]
    prompt = torch.zeros(frames, 80)
    prompt[: len(prompt_mel)] = prompt_mel
    with torch.no_grad():
        timbre = flow.project_timbre(golden["0.x_vector"][None])
        nothing = torch.zeros(frames, 80)
        told = Condition(
            features=torch.cat([features, nothing]),
            prompt=torch.cat([prompt, nothing]),
            timbre=torch.cat([timbre, torch.zeros(1, 80)]),
        )
        velocity = flow.decoder["estimator"](
            torch.cat([state, state]), golden["0.time"].expand(2), told, pack_lengths([frames] * 2)
        )
    for row, expected in zip(velocity.split(frames), golden["0.velocity"], strict=True):
        assert relative_error(row.T, expected) < golden.tolerance


def test_mel_equals_upstream(flow: Flow, golden: Golden) -> None:
    for index, row in enumerate(read_rows(golden)):
        [mel] = speak(flow, [row])
        assert relative_error(mel, golden[f"{index}.mel"]) < golden.tolerance


def test_mixed_voices_and_lengths_in_one_batch_equal_upstream_one_by_one(
    toy_flow: Flow, toy: Golden
) -> None:
    for index, mel in enumerate(speak(toy_flow, read_rows(toy))):
        assert relative_error(mel, toy[f"{index}.mel"]) < toy.tolerance


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 2, 1, 0, 1]])
def test_a_row_is_the_same_in_any_batch(toy_flow: Flow, toy: Golden, order: list[int]) -> None:
    rows = read_rows(toy)
    alone = [speak(toy_flow, [row])[0] for row in rows]
    together = speak(toy_flow, [rows[index] for index in order])
    for index, mel in zip(order, together, strict=True):
        assert relative_error(mel, alone[index]) < 1e-5


def test_encoding_beside_a_longer_row_changes_nothing(toy_flow: Flow) -> None:
    draw = torch.Generator().manual_seed(3)
    short, long = (torch.randint(6561, (n,), generator=draw) for n in (9, 31))
    with torch.no_grad():
        [alone] = toy_flow.encode([short])
        [padded, _] = toy_flow.encode([short, long])
    assert relative_error(padded, alone) < 1e-5


def test_more_rows_than_one_encoder_batch_come_back_in_order(toy_flow: Flow) -> None:
    draw = torch.Generator().manual_seed(4)
    rows = [torch.randint(6561, (4 + n % 5,), generator=draw) for n in range(20)]
    with torch.no_grad():
        together = toy_flow.encode(rows)
        for row, features in zip(rows, together, strict=True):
            assert relative_error(features, toy_flow.encode([row])[0]) < 1e-5


def test_mel_has_two_frames_per_token_whatever_the_recording(toy_flow: Flow, toy: Golden) -> None:
    tokens, voice, _ = read_rows(toy)[0]
    extra = torch.cat([voice.reference_mel, voice.reference_mel[-1:]])
    odd = make_voice(
        speaker=voice.speaker,
        prompt_tokens=voice.prompt_tokens,
        reference_tokens=voice.reference_tokens,
        reference_mel=extra,
        x_vector=voice.x_vector,
    )
    noise = torch.zeros(80, noise_frames(len(tokens), odd))
    [mel] = toy_flow.generate([tokens], [odd], [noise])
    assert mel.shape == (80, 2 * len(tokens))


def test_gradients_reach_every_weight(toy_flow: Flow, toy: Golden) -> None:
    rows = read_rows(toy)
    packing = pack_lengths([row[2].shape[1] for row in rows])
    told = toy_flow.condition([row[0] for row in rows], [row[1] for row in rows])
    noise = torch.cat([row[2].T for row in rows])
    velocity = toy_flow.decoder["estimator"](noise, torch.full((3,), 0.5), told, packing)
    velocity.square().mean().backward()
    idle = [name for name, weight in toy_flow.named_parameters() if weight.grad is None]
    toy_flow.zero_grad()
    assert idle == []
