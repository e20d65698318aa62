"""How the listening test measures and prepares audio before any network gets it."""

import numpy as np

from tests.listen.quality import cut_pieces, level, prominence_db
from worker.chatterbox.config import SAMPLE_RATE_HZ

RNG = np.random.default_rng(1)
NOISE = RNG.normal(0, 0.05, 4 * SAMPLE_RATE_HZ).astype(np.float32)
SECONDS = np.arange(len(NOISE)) / SAMPLE_RATE_HZ


def test_a_steady_tone_stands_out_and_noise_does_not() -> None:
    tone = (0.05 * np.sin(2 * np.pi * 4800 * SECONDS)).astype(np.float32)
    assert prominence_db(NOISE + tone, 4800) > 25
    assert prominence_db(NOISE, 4800) < 8
    assert prominence_db(NOISE + tone, 6000) < 8


def test_a_tone_that_passes_by_is_not_steady() -> None:
    sweep = np.sin(2 * np.pi * (4000 + 200 * SECONDS) * SECONDS).astype(np.float32)
    assert prominence_db(NOISE + 0.05 * sweep, 4800) < 8


def test_a_quiet_piece_and_a_loud_one_are_judged_alike() -> None:
    quiet, loud = level(0.1 * NOISE), level(NOISE)
    np.testing.assert_allclose(quiet, loud, rtol=1e-4, atol=1e-6)


def test_a_level_never_clips() -> None:
    click = NOISE.copy()
    click[100] = 1.0
    assert np.abs(level(click)).max() <= 1.0


def test_pieces_have_one_size_and_a_short_sound_is_repeated() -> None:
    sound = np.arange(25, dtype=np.float32)
    assert [len(piece) for piece in cut_pieces(sound, 10)] == [10, 10]
    assert cut_pieces(sound[:4], 10)[0].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
