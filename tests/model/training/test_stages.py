"""Building blocks of the training stages: tapes, rows, and losses that must agree with sampling."""

import json
import random
import time
from itertools import chain, repeat
from pathlib import Path

import torch

from training.corpus import Utterance
from training.encoded import ENCODED_DONE, Encoded, EncodedLines, Line, write_lines
from training.flow_stage import FlowTape
from training.graphed import GraphedStep
from training.mel_distance import mel_distance
from training.parts import join, read_networks, split
from training.run_state import Average, Best, RunState, make_optimizer
from training.t3_data import LONGEST_TOKENS, RowSource
from training.t3_stage import (
    REPETITION_PENALTY,
    T3Training,
    batch_positions,
    confuse,
    penalise,
    train,
)
from training.tape import SpeechTape
from training.text_tokenizer import write_tokenizer
from training.vocoder_stage import JUDGED_FROM_STEP, VocoderTraining
from worker.chatterbox.config import (
    FRAMES_PER_TOKEN,
    SAMPLES_PER_TOKEN,
    START_TEXT,
    STOP_TEXT,
)
from worker.chatterbox.t3.sampling import penalize
from worker.chatterbox.tokenizer import TextTokenizer

CPU = torch.device("cpu")
TEXTS = ("Hello there.", "A longer line, with a comma.", "Why?", "Yes, it is late already.")


def make_utterance(index: int, tokens: int, voice: int = 0) -> Utterance:
    frames = tokens * FRAMES_PER_TOKEN
    return Utterance(
        index=index,
        text=TEXTS[index % len(TEXTS)],
        voice=voice,
        exaggeration=0.5,
        audio=torch.full((tokens * SAMPLES_PER_TOKEN,), index, dtype=torch.int16),
        pitch=torch.full((frames,), 100.0 + index),
        phonemes=torch.full((frames,), index, dtype=torch.uint8),
        spoken=[0, 50, 60, 4, 0],
        ends=torch.tensor([0, frames // 4, frames // 2, frames, frames]),
    )


def test_a_tape_gives_audio_with_the_labels_that_belong_to_it() -> None:
    torch.manual_seed(1)
    tape = SpeechTape(hours=1 / 60, device=CPU)
    tape.append(make_utterance(index, tokens=40, voice=index) for index in range(4))
    crops = tape.draw(rows=64, tokens=10)
    by_frame = (crops.audio * 32768).reshape(64, 10 * FRAMES_PER_TOKEN, -1)
    assert torch.equal(by_frame[..., 0].round().long(), crops.phonemes)
    assert torch.equal(crops.pitch, crops.phonemes + 100.0)
    assert torch.equal(crops.voices, crops.phonemes[:, ::FRAMES_PER_TOKEN])
    assert set(crops.phonemes.unique().tolist()) == {0, 1, 2, 3}


def test_a_tape_takes_no_more_than_it_has_room_for() -> None:
    tape = SpeechTape(hours=100 / 25 / 3600, device=CPU)
    tape.append(make_utterance(index, tokens=40) for index in range(4))
    assert tape.tokens == 80


def test_flow_rows_hold_a_voice_s_own_embedding() -> None:
    torch.manual_seed(2)
    lines = [make_utterance(index, tokens=60, voice=index % 2) for index in range(6)]
    encoded = {
        u.index: Encoded(
            tokens=torch.full((60,), u.voice, dtype=torch.int16),
            x_vector=torch.full((192,), float(u.voice)),
            speaker=torch.zeros(256),
        )
        for u in lines
    }
    rows = FlowTape(lines, encoded, CPU).draw(rows=32, length=60)
    assert rows.mel.shape == (32, 120, 80)
    assert torch.equal(rows.tokens[:, 0].float(), rows.x_vectors[:, 0])
    assert int(rows.prompts.max()) <= 60


def make_lines(folder: Path, indices: range) -> list[Line]:
    """A tape of some utterances, as the encoder writes it and readers get it."""
    utterances = [make_utterance(index, tokens=50 + index) for index in indices]
    encoded = {
        u.index: Encoded(
            tokens=torch.arange(u.tokens, dtype=torch.int16),
            x_vector=torch.zeros(192),
            speaker=torch.zeros(256),
        )
        for u in utterances
    }
    write_lines(utterances, encoded, folder / f"encoded-{indices.start:04d}.pt")
    reader = EncodedLines(folder)
    reader.refresh()
    return reader.lines


def test_what_was_heard_is_read_as_it_was_written(tmp_path: Path) -> None:
    lines = make_lines(tmp_path, range(3))
    assert [line.text for line in lines] == list(TEXTS[:3])
    assert [len(line.encoded.tokens) for line in lines] == [50, 51, 52]
    assert [len(line.phonemes) for line in lines] == [100, 102, 104]
    assert lines[2].ends.tolist() == [0, 26, 52, 104, 104]


def test_a_reader_gets_what_the_encoder_adds_but_nothing_held_out(tmp_path: Path) -> None:
    make_lines(tmp_path, range(3))
    reader = EncodedLines(tmp_path)
    assert [line.index for line in reader.refresh()] == [1, 2]
    make_lines(tmp_path, range(5, 7))
    assert [line.index for line in reader.refresh()] == [5, 6]
    assert [line.index for line in reader.held_out()] == [0]
    (tmp_path / ENCODED_DONE).touch()
    reader.wait_for(hours=1000)  # all there is


def make_source(folder: Path) -> RowSource:
    write_tokenizer(folder / "tokenizer.json")
    tokenizer = TextTokenizer(folder / "tokenizer.json")
    return RowSource(make_lines(folder, range(12)), tokenizer, random.Random(3))


def test_t3_rows_frame_the_text_and_keep_each_row_whole(tmp_path: Path) -> None:
    batch = next(make_source(tmp_path).batches(lambda: 600))
    for row in range(len(batch.text)):
        ends, spoken = int(batch.text_lengths[row]), int(batch.token_lengths[row])
        assert batch.text[row, 0] == START_TEXT
        assert batch.text[row, ends - 1] == STOP_TEXT
        assert not batch.text[row, ends:].any()
        assert not batch.tokens[row, spoken:].any()
        assert spoken <= LONGEST_TOKENS
        assert batch.characters[row, :spoken].max() < ends - 2


def test_t3_batches_are_larger_in_the_last_third(tmp_path: Path) -> None:
    assert batch_positions(0.6) < batch_positions(0.7)
    sizes = chain((600,), repeat(10_000))  # by epoch
    batches = make_source(tmp_path).batches(lambda: next(sizes))
    first, *_, last = [len(next(batches).text) for _ in range(20)]
    assert first < last


def test_t3_is_judged_and_its_best_weights_kept_when_the_time_is_over(tmp_path: Path) -> None:
    torch.manual_seed(8)
    run = RunState(tmp_path, "t3", time.time())
    training = T3Training(run, CPU)
    batch = next(make_source(tmp_path).batches(lambda: 200))
    train(training, iter([batch]), [batch])
    (judged,) = map(json.loads, run.log_path.read_text().splitlines())
    assert judged["held_token"] > 0
    kept = read_networks(tmp_path)["t3"]
    assert torch.equal(kept["speech_head.weight"], training.average.tensors["speech_head.weight"])


def test_the_training_penalty_is_the_one_of_sampling() -> None:
    logits = torch.randn(1, 6, 12, generator=torch.Generator().manual_seed(4))
    tokens = torch.tensor([[3, 7, 3, 1, 0]])
    ours = penalise(logits, tokens)
    for step in range(6):
        seen = torch.zeros(1, 12, dtype=torch.bool)
        seen[0, tokens[0, :step]] = True
        expected = penalize(logits[:, step], seen, torch.tensor([[REPETITION_PENALTY]]))
        torch.testing.assert_close(ours[:, step], expected)


def test_wrong_tokens_are_few_and_from_the_batch() -> None:
    torch.manual_seed(5)
    tokens = torch.arange(4000).reshape(4, 1000)
    heard = confuse(tokens)
    share = (heard != tokens).float().mean(dim=1)
    assert heard.min() >= 0
    assert heard.max() < 4000
    assert float(share.max()) < 0.3
    assert float(share.sum()) > 0


def test_a_step_on_the_cpu_runs_as_it_is() -> None:
    seen: list[object] = []

    def step(*key: object) -> dict[str, torch.Tensor]:
        seen.append(key)
        return {"loss": torch.ones(())}

    graphed = GraphedStep(step, CPU)
    assert float(graphed(True, 3)["loss"]) == 1.0
    assert seen == [(True, 3)]


def test_a_run_begins_with_an_earlier_run_s_weights(tmp_path: Path) -> None:
    trained, state = torch.nn.Linear(3, 2), tmp_path / "state"
    run = RunState(state, "flow", time.time() + 5)
    run.keep({"average": Average(trained)}, force=True)
    split(state, tmp_path / "parts")
    fresh = torch.nn.Linear(3, 2)
    RunState(tmp_path / "next", "flow", time.time() + 5, tmp_path / "parts").begin_with(fresh)
    torch.testing.assert_close(fresh.weight, trained.weight, atol=1e-3, rtol=1e-3)
    other = torch.nn.Linear(3, 2)
    RunState(tmp_path / "next", "t3", time.time() + 5, tmp_path / "parts").begin_with(other)
    assert "t3" not in join(tmp_path / "parts")


def test_a_network_of_another_size_begins_anew(tmp_path: Path) -> None:
    run = RunState(tmp_path / "state", "flow", time.time() + 5)
    run.keep({"average": Average(torch.nn.Linear(3, 2))}, force=True)
    split(tmp_path / "state", tmp_path / "parts", only=["flow"])
    wider = torch.nn.Linear(4, 2)
    before = wider.weight.clone()
    resumed = RunState(tmp_path / "next", "flow", time.time() + 5, tmp_path / "parts")
    assert not resumed.begin_with(wider)
    assert torch.equal(wider.weight, before)


def test_several_runs_share_one_schedule(tmp_path: Path) -> None:
    first = RunState(tmp_path, "flow", time.time() - 1, begin=0.0, end=0.5)
    assert first.progress == 0.5
    second = RunState(tmp_path, "flow", time.time() + 1000, begin=0.5, end=1.0)
    assert 0.5 <= second.progress < 0.51


def test_the_best_weights_are_kept_and_not_the_last(tmp_path: Path) -> None:
    best, run = Best(), RunState(tmp_path, "t3", time.time() + 5)
    for loss, value in ((3.0, 1.0), (2.0, 2.0), (4.0, 3.0)):
        if best.offer(loss, {"weight": torch.tensor(value)}):
            run.keep_best(best)
    kept = read_networks(tmp_path)["t3"]
    assert float(kept["weight"]) == 2.0


def test_a_waveform_is_nearer_to_itself_than_to_a_noisy_one() -> None:
    torch.manual_seed(6)
    real = 0.1 * torch.randn(2, 9600)
    near, far = real + 0.001 * torch.randn(2, 9600), 0.3 * torch.randn(2, 9600)
    assert float(mel_distance(real, real)) == 0
    assert 0 < float(mel_distance(real, near)) < float(mel_distance(real, far))


def test_a_step_teaches_vocoder_and_judges(tmp_path: Path) -> None:
    torch.manual_seed(7)
    tape = SpeechTape(hours=1 / 60, device=CPU)
    tape.append([make_utterance(1, tokens=40)])
    training = VocoderTraining(tape, RunState(tmp_path, "vocoder", time.time() + 60), CPU)
    before = [p.clone() for p in (training.vocoder.conv_post.weight, *training.judges.parameters())]
    training.run.step = JUDGED_FROM_STEP
    figures = training.step(rows=1, tokens=6)
    after = [training.vocoder.conv_post.weight, *training.judges.parameters()]
    assert all(torch.isfinite(value) for value in figures.values())
    assert not any(torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_an_average_follows_a_network_that_learns() -> None:
    network = torch.nn.Linear(2, 1)
    average, optimizer = Average(network), make_optimizer(network.parameters(), CPU, lr=0.1)
    before = average.tensors["weight"].clone()
    for _ in range(5):
        optimizer.zero_grad()
        network(torch.ones(4, 2)).square().mean().backward()
        optimizer.step()
        average.update()
    assert not torch.equal(average.tensors["weight"], before)
    assert not torch.equal(average.tensors["weight"], network.weight)
