import numpy as np
import numpy.typing as npt

from narration.sound.waveform import Waveform
from worker.chatterbox.config import SAMPLE_RATE_HZ, TOKEN_RATE_HZ
from worker.rendering.quality import Flag, Verdict, judge

_TEXT = "He had walked all the way from the mill to the bridge."  # 54 characters: about 3.5 s


def _tone(duration_s: float, level: float = 0.2) -> Waveform:
    t = np.arange(int(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (level * np.sin(2 * np.pi * 220 * t)).astype(np.float32)


def _tokens(duration_s: float) -> npt.NDArray[np.int64]:
    return np.random.default_rng(1).integers(0, 6000, int(duration_s * TOKEN_RATE_HZ))


def _judge(
    waveform: Waveform,
    text: str = _TEXT,
    tokens: npt.NDArray[np.int64] | None = None,
    *,
    is_truncated: bool = False,
) -> Verdict:
    return judge(
        _tokens(3) if tokens is None else tokens, waveform, text, is_truncated=is_truncated
    )


def _flags(verdict: Verdict) -> list[Flag]:
    return [finding.flag for finding in verdict.findings]


def test_ordinary_speech_is_accepted() -> None:
    verdict = _judge(_tone(3.5))
    assert not verdict.findings
    assert verdict.duration_s == 3.5


def test_a_short_word_may_be_drawn_out() -> None:
    assert not _judge(_tone(1.6), "Yes.").findings


def test_speech_far_longer_than_its_text_is_flagged_with_its_figures() -> None:
    (finding,) = _judge(_tone(20)).findings
    assert (finding.flag, finding.measured, finding.unit) == (Flag.TOO_LONG, 20.0, "seconds")
    assert 10 < finding.limit < 15


def test_speech_far_shorter_than_its_text_is_flagged() -> None:
    assert _flags(_judge(_tone(1.0))) == [Flag.TOO_SHORT]


def test_silence_is_flagged() -> None:
    assert _flags(_judge(_tone(3.5, level=0.001))) == [Flag.SILENT]


def test_flat_tops_are_flagged() -> None:
    assert _flags(_judge(np.clip(_tone(3.5, level=1.5), -0.99, 0.99))) == [Flag.CLIPPED]


def test_a_full_scale_peak_is_not_clipping() -> None:
    assert not _judge(_tone(3.5, level=0.98)).findings


def test_a_long_silence_inside_is_flagged() -> None:
    gap = np.zeros(int(2.5 * SAMPLE_RATE_HZ), dtype=np.float32)
    (finding,) = _judge(np.concatenate([_tone(1.5), gap, _tone(1.5)])).findings
    assert finding.flag is Flag.INNER_SILENCE
    assert 2.4 < finding.measured < 2.6


def test_silence_at_the_end_is_not_inner_silence() -> None:
    gap = np.zeros(3 * SAMPLE_RATE_HZ, dtype=np.float32)
    assert not _judge(np.concatenate([_tone(3), gap])).findings


def test_a_stuck_token_is_flagged() -> None:
    tokens = np.concatenate([_tokens(2), np.full(40, 7), _tokens(1)])
    (finding,) = _judge(_tone(4.6), tokens=tokens).findings
    assert (finding.flag, finding.measured) == (Flag.LOOPING, 1.6)


def test_a_syllable_said_again_and_again_is_flagged() -> None:
    tokens = np.concatenate([_tokens(1), np.tile(np.arange(12), 5), _tokens(1)])
    assert _flags(_judge(_tone(4.4), tokens=tokens)) == [Flag.LOOPING]


def test_a_word_said_twice_is_no_loop() -> None:
    tokens = np.concatenate([_tokens(1), np.tile(np.arange(20), 2), _tokens(1)])
    assert not _judge(_tone(3.5), tokens=tokens).findings


def test_the_token_limit_is_never_silent() -> None:
    assert _flags(_judge(_tone(3.5), is_truncated=True)) == [Flag.TRUNCATED]


def test_numbers_that_are_none_are_flagged() -> None:
    broken = _tone(3.5)
    broken[100] = np.nan
    assert _flags(_judge(broken)) == [Flag.BROKEN]


def test_no_sound_at_all_is_flagged() -> None:
    empty = np.zeros(0, dtype=np.float32)
    assert _flags(_judge(empty, tokens=np.zeros(0, dtype=np.int64))) == [Flag.BROKEN]
