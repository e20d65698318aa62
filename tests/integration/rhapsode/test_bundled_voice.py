"""A recogniser transcribes the bundled voice: a tenth of the sentences of `make listen`."""

from pathlib import Path

import numpy as np
import pytest

from tests.listen.recogniser import Recogniser, WrongWeights, join_weights
from tests.listen.render_command import RenderCommand
from tests.listen.sentences import SENTENCES
from tests.listen.targets import FEW_SENTENCES_LIMIT
from tests.listen.words import Comparison, compare, error_rate
from worker.chatterbox import hub
from worker.chatterbox.config import SAMPLE_RATE_HZ


@pytest.fixture(scope="session")
def recogniser() -> Recogniser:
    return Recogniser()


# One test, so that two workers of pytest do not both render and transcribe.
def test_the_bundled_voice_is_understood_and_says_everything_once(
    recogniser: Recogniser, tmp_path: Path, data_dir: Path
) -> None:
    if hub.list_models()[0].folder is None:
        pytest.skip("this build has no bundled voice")
    reading = RenderCommand(tmp_path, hub.DEMO).read(list(SENTENCES[5::10]), voice="default")
    heard = [compare(clip.text, recogniser.transcribe(clip.waveform)) for clip in reading.clips]
    assert error_rate(heard) <= FEW_SENTENCES_LIMIT, show(heard)
    assert not [c.said for c in heard if c.is_missing], show(heard)
    assert not [c.said for c in heard if c.is_repeated], show(heard)


def test_noise_is_not_taken_for_speech(recogniser: Recogniser) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 4 * SAMPLE_RATE_HZ).astype(np.float32)
    assert compare(SENTENCES[0], recogniser.transcribe(noise)).is_missing


def test_silence_is_not_taken_for_speech(recogniser: Recogniser) -> None:
    silence = np.zeros(4 * SAMPLE_RATE_HZ, np.float32)
    assert compare(SENTENCES[0], recogniser.transcribe(silence)).is_missing


def test_other_weights_of_the_recogniser_are_refused() -> None:
    with pytest.raises(WrongWeights, match="SHA-256"):
        join_weights([b"one", b"two"], "0" * 64)


def show(heard: list[Comparison]) -> str:
    return "\n".join(f"{c.rate:.0%} {c.said} | {c.heard}" for c in heard)
