"""Laws of decoding: a row depends neither on its batch, nor on when others join or leave."""

from dataclasses import replace

import pytest
import torch

from narration.errors import SpeechError
from tests.generate import generate
from tests.goldens.t3_cases import TOY, Case, draw_cases
from tests.model.worker.chatterbox.t3.cases import make_prompt, make_t3, make_voices
from worker.chatterbox.config import ACOUSTIC_TOKENS, START_SPEECH, STOP_SPEECH
from worker.chatterbox.t3.conditioning import collate
from worker.chatterbox.t3.decoder import Decoder
from worker.chatterbox.t3.model import T3
from worker.chatterbox.t3.prompt import Prompt, SpeechTokens
from worker.chatterbox.t3.sampling import Sampling
from worker.chatterbox.voice import Voice

CASES = [replace(case, steps=20) for case in draw_cases(TOY, is_full=False)[::2]]
UNREADABLE = slice(STOP_SPEECH + 1, None)


@pytest.fixture(scope="module")
def network() -> T3:
    return make_t3(TOY)


@pytest.fixture(scope="module")
def voices() -> list[Voice]:
    return make_voices(TOY)


@pytest.fixture(scope="module")
def prompts(voices: list[Voice]) -> list[Prompt]:
    return [make_prompt(case, voices, temperature=0.8) for case in CASES]


@pytest.fixture(scope="module")
def alone(network: T3, prompts: list[Prompt]) -> list[list[int]]:
    return tokens_of([generate(network, [prompt])[0] for prompt in prompts])


def tokens_of(speech_tokens: list[SpeechTokens]) -> list[list[int]]:
    return [one.tokens.tolist() for one in speech_tokens]


@pytest.mark.parametrize("slots", [2, 5, 8])
def test_a_row_says_the_same_in_any_batch(
    network: T3, prompts: list[Prompt], alone: list[list[int]], slots: int
) -> None:
    assert tokens_of(generate(network, prompts, slots)) == alone


def test_a_batch_in_another_order_has_the_same_rows(
    network: T3, prompts: list[Prompt], alone: list[list[int]]
) -> None:
    assert tokens_of(generate(network, prompts[::-1], 8))[::-1] == alone


def test_rows_that_join_late_and_leave_early_disturb_nobody(
    network: T3, prompts: list[Prompt], alone: list[list[int]]
) -> None:
    decoder = Decoder(network, 4)
    first, canceled = decoder.prefill(prompts[:2])
    for _ in range(7):
        decoder.step()
    decoder.drop(canceled)
    late = decoder.prefill(prompts[2:4])
    while decoder.step():
        pass
    said = [decoder.release(slot).tokens.tolist() for slot in (first, *late)]
    assert said == [alone[0], *alone[2:4]]
    assert decoder.free == 4


def test_the_first_row_may_leave_while_the_others_go_on(
    network: T3, prompts: list[Prompt], alone: list[list[int]]
) -> None:
    decoder = Decoder(network, 2)
    canceled, other = decoder.prefill(prompts[:2])
    for _ in range(7):
        decoder.step()
    assert not torch.is_inference_mode_enabled()
    decoder.drop(canceled)  # the other row's cache moves into the gap
    while decoder.step():
        pass
    assert decoder.release(other).tokens.tolist() == alone[1]


def test_released_early_says_what_came_so_far(network: T3, prompts: list[Prompt]) -> None:
    decoder = Decoder(network, 1)
    [slot] = decoder.prefill(prompts[:1])
    said = [decoder.step()[slot] for _ in range(3)]
    speech_tokens = decoder.release(slot)
    assert speech_tokens.tokens.tolist() == said
    assert speech_tokens.is_truncated


def test_decoding_equals_the_teacher_forced_forward(network: T3, voices: list[Voice]) -> None:
    for case in CASES:
        sampling = Sampling(guidance=case.guidance, temperature=0, repetition_penalty=1)
        [speech_tokens] = generate(network, [replace(make_prompt(case, voices), sampling=sampling)])
        said = torch.cat((speech_tokens.tokens, torch.tensor([STOP_SPEECH])))[: case.steps]
        logits = teach(network, case, voices, speech_tokens.tokens)
        guided = logits[0] + case.guidance * (logits[0] - logits[1])
        guided[:, START_SPEECH] = guided[:, UNREADABLE] = -torch.inf
        assert guided.argmax(-1)[: case.steps].tolist() == said.tolist()


@torch.no_grad()
def teach(network: T3, case: Case, voices: list[Voice], tokens: torch.Tensor) -> torch.Tensor:
    return network(
        torch.tensor([case.text_tokens] * 2),
        torch.stack([tokens] * 2),
        collate([voices[case.voice]] * 2, [case.exaggeration] * 2, torch.device("cpu")),
        text_lengths=torch.tensor([len(case.text_tokens)] * 2),
        speech_lengths=torch.tensor([len(tokens)] * 2),
        is_unconditional=torch.tensor([False, True]),
    )


@torch.no_grad()
def test_padding_changes_no_logit(network: T3, voices: list[Voice]) -> None:
    lengths = [(5, 9), (30, 2), (17, 14)]
    text = torch.randint(1, 700, (3, 30), generator=torch.Generator().manual_seed(0))
    speech = torch.randint(ACOUSTIC_TOKENS, (3, 14), generator=torch.Generator().manual_seed(1))
    who, mood = [voices[0], voices[1], voices[0]], [0.2, 0.5, 1.0]
    batch = network(
        text,
        speech,
        collate(who, mood, torch.device("cpu")),
        text_lengths=torch.tensor([n for n, _ in lengths]),
        speech_lengths=torch.tensor([t for _, t in lengths]),
    )
    for row, (n, t) in enumerate(lengths):
        alone = network(
            text[row : row + 1, :n],
            speech[row : row + 1, :t],
            collate(who[row : row + 1], mood[row : row + 1], torch.device("cpu")),
            text_lengths=torch.tensor([n]),
            speech_lengths=torch.tensor([t]),
        )
        assert torch.allclose(batch[row, : t + 1], alone[0], rtol=1e-4, atol=1e-4)


def test_gradients_reach_every_parameter_but_the_unused_ones(voices: list[Voice]) -> None:
    network = make_t3(TOY).requires_grad_(True)
    network(
        torch.arange(1, 20)[None],
        torch.arange(10)[None],
        collate(voices[:1], [0.5], torch.device("cpu")),
        text_lengths=torch.tensor([19]),
        speech_lengths=torch.tensor([10]),
    ).sum().backward()
    without = {name for name, p in network.named_parameters() if p.grad is None}
    assert without == {"tfmr.embed_tokens.weight", "text_head.weight"}


def test_guidance_changes_what_is_said(network: T3, voices: list[Voice]) -> None:
    plain = make_prompt(CASES[0], voices)
    guided = replace(plain, sampling=replace(plain.sampling, guidance=2.0))
    assert plain.sampling.guidance == 0
    assert tokens_of(generate(network, [plain])) != tokens_of(generate(network, [guided]))


def test_ids_that_no_decoder_reads_are_never_said(voices: list[Voice]) -> None:
    network = make_t3(TOY)
    network.speech_head.weight[UNREADABLE] *= 50
    network.speech_head.weight[START_SPEECH] *= 50
    for speech_tokens in generate(
        network, [make_prompt(case, voices, temperature=5.0) for case in CASES]
    ):
        assert (speech_tokens.tokens < ACOUSTIC_TOKENS).all()


def test_stop_ends_a_row_and_is_not_part_of_it(network: T3, voices: list[Voice]) -> None:
    model = make_t3(TOY)
    prompt = make_prompt(CASES[1], voices)
    said = generate(network, [prompt])[0].tokens
    # STOP now scores just above the sixth token, wherever that token scores well.
    model.speech_head.weight[STOP_SPEECH] = 1.01 * model.speech_head.weight[said[5]]
    speech_tokens = generate(model, [prompt])[0]
    assert speech_tokens.tokens.tolist() == said[:5].tolist()
    assert not speech_tokens.is_truncated


def test_reaching_the_limit_is_reported(network: T3, prompts: list[Prompt]) -> None:
    speech_tokens = generate(network, [replace(prompts[0], max_new_tokens=4)])[0]
    assert len(speech_tokens.tokens) == 4
    assert speech_tokens.is_truncated


def test_another_seed_says_something_else(network: T3, prompts: list[Prompt]) -> None:
    seeds = [
        replace(prompts[3], sampling=replace(prompts[3].sampling, seed=seed)) for seed in (1, 2, 1)
    ]
    first, second, again = tokens_of(generate(network, seeds))
    assert first == again
    assert first != second


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"text_tokens": [1] * 81}, "81 text tokens, the model reads 80 at most"),
        ({"max_new_tokens": 160}, "max_new_tokens is 160, the model speaks 1 to 159"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
    ],
)
def test_a_prompt_beyond_the_tables_is_refused_and_nothing_joins(
    network: T3, prompts: list[Prompt], change: dict[str, object], complaint: str
) -> None:
    decoder = Decoder(network, 2)
    with pytest.raises(SpeechError, match=complaint):
        decoder.prefill([prompts[0], replace(prompts[1], **change)])
    assert decoder.free == 2
    assert decoder.step() == {}


def test_a_row_that_is_not_finite_harms_no_neighbour_and_no_successor(
    network: T3, prompts: list[Prompt], alone: list[list[int]], voices: list[Voice]
) -> None:
    decoder = Decoder(network, 2)
    broken = replace(prompts[7], voice=replace(voices[0], speaker=voices[0].speaker * torch.nan))
    bad, good = decoder.prefill([broken, prompts[0]])
    assert list(decoder.step()) == [good]
    assert decoder.done() == [bad]
    with pytest.raises(SpeechError, match="not finite"):
        decoder.release(bad)
    [successor] = decoder.prefill([prompts[1]])
    while decoder.step():
        pass
    assert decoder.release(good).tokens.tolist() == alone[0]
    assert decoder.release(successor).tokens.tolist() == alone[1]
