"""The tiny checkpoint is worth testing with: official in form, plausible in length and level."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.generate import generate
from tests.model.worker.chatterbox.test_official_names import read_list
from training.tiny_checkpoint import write_checkpoint
from training.tiny_t3 import CONFIG as T3_CONFIG
from training.tiny_t3 import TOKENS_PER_TEXT_TOKEN, make_t3
from worker.chatterbox.checkpoint import Chatterbox, load_chatterbox
from worker.chatterbox.config import START_TEXT, STOP_TEXT, TOKEN_RATE_HZ
from worker.chatterbox.hift.source import draw_noise as draw_source_noise
from worker.chatterbox.s3gen.flow import draw_noise, noise_frames
from worker.chatterbox.t3.prompt import Prompt, SpeechTokens
from worker.chatterbox.t3.sampling import Sampling
from worker.chatterbox.tokenizer import normalize_punctuation
from worker.chatterbox.voice import make_voice
from worker.chatterbox.weights import read_tensors

STORY = (
    "There was once a miller who left no more riches to the three sons he had than his mill, his "
    "ass, and his cat. The division was soon made. Neither the lawyer nor the attorney was sent "
    "for, as they would soon have eaten up all the poor patrimony. The eldest had the mill, the "
    "second the ass, and the youngest nothing but the cat."
)
LENGTHS = (3, 10, 28, 60, 120, 200, 300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    write_checkpoint(folder)
    return folder


@pytest.fixture(scope="module")
def tiny(folder: Path) -> Chatterbox:
    return load_chatterbox(folder)


def speak(tiny: Chatterbox, texts: list[str], *seeds: int, **sampling: float) -> list[SpeechTokens]:
    prompts = [
        Prompt(
            text_tokens=[
                START_TEXT,
                *tiny.tokenizer.encode(normalize_punctuation(text)),
                STOP_TEXT,
            ],
            voice=tiny.voice("default"),
            sampling=Sampling(seed=seed, **sampling),
        )
        for text in texts
        for seed in seeds
    ]
    return generate(tiny.t3, prompts, slots=32)


@pytest.mark.parametrize(
    "sampling", [{}, {"guidance": 0.0}, {"guidance": 1.0}, {"temperature": 0.0}]
)
def test_speech_lasts_as_long_as_the_text_would(
    tiny: Chatterbox, sampling: dict[str, float]
) -> None:
    texts = [STORY[:length] for length in LENGTHS]
    spoken = iter(speak(tiny, texts, 1, 2, 3, **sampling))
    for text in texts:
        for _ in range(3):
            one = next(spoken)
            assert not one.is_truncated
            seconds = len(one.tokens) / TOKEN_RATE_HZ
            assert abs(seconds - len(text) / 15) < 0.3 + 0.15 * len(text) / 15, text


def test_a_wide_t3_stops_where_the_text_ends_too(tiny: Chatterbox) -> None:
    """As that of the official shapes, which is 1,024 wide, does."""
    torch.manual_seed(0)
    network = make_t3(replace(T3_CONFIG, width=512, layers=1))
    for length in (28, 120):
        tokens = tiny.tokenizer.encode(normalize_punctuation(STORY[:length]))
        voice = make_voice(
            speaker=torch.randn(T3_CONFIG.speaker_width),
            prompt_tokens=torch.zeros(T3_CONFIG.prompt_tokens, dtype=torch.int64),
            reference_tokens=torch.zeros(50, dtype=torch.int64),
            reference_mel=torch.zeros(100, 80),
            x_vector=torch.zeros(192),
        )
        prompt = Prompt(text_tokens=[START_TEXT, *tokens, STOP_TEXT], voice=voice)
        [spoken] = generate(network, [prompt])
        assert abs(len(spoken.tokens) / TOKEN_RATE_HZ - length / 15) < 0.3 + 0.15 * length / 15


@pytest.mark.parametrize("text", ["x" * 300, "1984 " * 60, "NO! " * 75, "\N{SNOWMAN}", "I"])
def test_odd_texts_end_too(tiny: Chatterbox, text: str) -> None:
    [spoken] = speak(tiny, [text], 5)
    assert not spoken.is_truncated
    assert 3 <= len(spoken.tokens) < 1000


def test_the_longest_text_the_table_admits_ends_before_the_limit(tiny: Chatterbox) -> None:
    config = tiny.config.t3
    assert TOKENS_PER_TEXT_TOKEN * config.text_positions < 0.95 * config.max_new_tokens


def test_what_is_said_depends_on_text_voice_and_seed(tiny: Chatterbox) -> None:
    one, other = "The mill went to the eldest.", "The cat came to the third."
    sequences = [spoken.tokens.tolist() for spoken in speak(tiny, [one, other], 1, 2)]
    assert len({tuple(tokens) for tokens in sequences}) == len(sequences)
    assert tiny.voice("default").digest != tiny.voice("low").digest


def test_waveform_is_at_the_level_of_speech(tiny: Chatterbox) -> None:
    draw = torch.Generator().manual_seed(0)
    for name in tiny.voices:
        voice = tiny.voice(name)
        tokens = [spoken.tokens for spoken in speak(tiny, [STORY[:40], "Ay."], 4)]
        noise = [draw_noise(noise_frames(len(row), voice), draw) for row in tokens]
        mels = tiny.flow.generate(tokens, [voice] * 2, noise)
        source = [draw_source_noise(mel.shape[1], tiny.config.hift, draw) for mel in mels]
        for waveform in tiny.vocoder.synthesize(mels, source):
            assert 0.03 < waveform.square().mean().sqrt() < 0.2
            assert waveform.abs().max() < 0.9


def test_the_same_seed_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    torch.rand(1)  # the global random state does not matter
    write_checkpoint(tmp_path / "again")
    write_checkpoint(tmp_path / "other", seed=1)

    def digests(folder: Path) -> dict[str, str]:
        return {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*.*"))
            if path.is_file() and not path.name.startswith(".")
        }

    assert digests(tmp_path / "again") == digests(folder)
    assert digests(tmp_path / "other") != digests(folder)


def test_writing_leaves_torchs_own_state_alone(tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    write_checkpoint(tmp_path)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("file", "listing"), [("t3_cfg", "t3_en"), ("ve", "ve"), ("s3gen", "s3gen_std")]
)
def test_tensors_are_named_as_in_the_official_files(folder: Path, file: str, listing: str) -> None:
    def shape_of(names: object) -> set[str]:
        return {re.sub(r"\d+", "N", name) for name in names}

    ours = read_tensors(folder / f"{file}.safetensors")
    assert shape_of(ours) <= shape_of(read_list(listing))


def test_folder_weighs_a_few_megabytes(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.rglob("*.*")) < 6_000_000
