from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from narration.errors import IncompletePlanError
from narration.sound.gain import LevelSetting, Loudness
from narration.sound.peaks import true_peak
from narration.sound.take import measure_take
from narration.sound.waveform import Waveform, decode_flac, encode_flac, to_int16
from tests.sounds import speak
from worker.assembly.lossless.stretches import (
    TARGET,
    Stretch,
    StretchRequest,
    make_stretch,
    plan_stretches,
)
from worker.assembly.types import Mark

SECOND = 24_000
PAUSES = (6000, 0, 43_200, 0)


def lay_out(sizes: Iterable[int], pauses: Iterable[int]) -> tuple[list[Mark], int]:
    marks, position = [], 0
    for size, pause in zip(sizes, pauses, strict=True):
        marks.append(Mark(start=position, end=position + size))
        position += size + pause
    return marks, position


@pytest.mark.parametrize(
    ("sizes", "pauses"),
    [
        ([], []),
        ([100], [0]),
        ([12 * SECOND] * 50, [6000] * 50),
        ([40 * SECOND] * 3, [0] * 3),
        ([SECOND, SECOND, SECOND], [3600 * SECOND, 10, 95 * SECOND]),
        ([TARGET, TARGET - 1, 1], [0, 0, TARGET]),
    ],
)
def test_stretches_hold_all_samples_and_each_take_once(
    sizes: Sequence[int], pauses: Sequence[int]
) -> None:
    marks, samples = lay_out(sizes, pauses)
    stretches = list(plan_stretches(marks, samples))
    assert [s.start for s in stretches] + [samples] == [0] + [s.end for s in stretches]
    assert [n for s in stretches for n in range(s.first, s.last)] == list(range(len(marks)))
    for stretch in stretches:
        assert 0 < stretch.end - stretch.start < 2 * TARGET + max(sizes)
        for mark in marks[stretch.first : stretch.last]:
            assert stretch.start <= mark.start < mark.end <= stretch.end


def request_of(takes: Sequence[Waveform], setting: LevelSetting) -> StretchRequest:
    marks, samples = lay_out((take.size for take in takes), PAUSES[: len(takes)])
    (stretch,) = plan_stretches(marks, samples)
    return StretchRequest(
        stretch=stretch,
        marks=tuple(marks),
        peaks=tuple(measure_take(take).peak for take in takes),
        setting=setting,
        has_frames=False,
    )


def play(takes: Sequence[Waveform], setting: LevelSetting) -> Waveform:
    sound = make_stretch(request_of(takes, setting), [encode_flac(take) for take in takes])
    return np.frombuffer(sound.pcm, dtype="<i2") / np.float32(32_768)


@pytest.fixture(scope="module")
def takes() -> list[Waveform]:
    return [decode_flac(encode_flac(speak(4, seed, 0.25))) for seed in range(4)]


def test_every_take_lies_where_its_mark_says_with_silence_between(takes: list[Waveform]) -> None:
    expected = np.concatenate(
        [
            part
            for take, pause in zip(takes, PAUSES, strict=True)
            for part in (to_int16(take), np.zeros(pause, dtype=np.int16))
        ]
    )
    np.testing.assert_array_equal(play(takes, LevelSetting()) * 32_768, expected)


def test_loud_settings_keep_below_the_peak(takes: list[Waveform]) -> None:
    setting = LevelSetting(gain_db=24.0, loudness=Loudness(peak_db=-1.5))
    assert 20 * np.log10(true_peak(play(takes, setting))) < -1.4


def test_takes_keep_their_loudness_to_each_other(takes: list[Waveform]) -> None:
    sound = play(takes, LevelSetting(gain_db=-6.0, loudness=Loudness()))
    marks, _ = lay_out((take.size for take in takes), PAUSES)
    for mark, take in zip(marks, takes, strict=True):
        expected = take * np.float32(10 ** (-6 / 20))
        np.testing.assert_allclose(sound[mark.start : mark.end], expected, atol=1 / 32_768)


def test_a_take_that_was_not_measured_is_a_bug(takes: list[Waveform]) -> None:
    request = request_of(takes, LevelSetting())
    flacs = [encode_flac(take) for take in takes]
    with pytest.raises(IncompletePlanError, match="not the one"):
        make_stretch(request, [encode_flac(takes[0][:-1]), *flacs[1:]])
    with pytest.raises(ValueError, match="zip"):
        make_stretch(request, flacs[:-1])


def test_a_stretch_of_silence_needs_no_takes() -> None:
    request = StretchRequest(
        stretch=Stretch(start=100, end=9000, first=3, last=3),
        marks=(),
        peaks=(),
        setting=LevelSetting(gain_db=3.0, loudness=Loudness()),
        has_frames=True,
    )
    sound = make_stretch(request, [])
    assert sound.pcm == bytes(2 * 8900)
    assert sound.frames
