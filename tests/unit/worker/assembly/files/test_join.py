"""Files joined from parts, compared by independent decoders with files encoded in one go."""

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest

from narration.errors import OutputError
from narration.sound.waveform import Waveform
from tests.joined import (
    TAGS,
    Programme,
    decode,
    decode_elsewhere,
    encode_at_once,
    join,
    make_programme,
)
from worker.assembly.probe import probe
from worker.assembly.types import AudioFormat, ChapterMark
from worker.chatterbox.config import SAMPLE_RATE_HZ

_FORMATS = [AudioFormat.M4B, AudioFormat.MP3, AudioFormat.OPUS]
_PAUSES_MS = [0, 80, 250]
_CUTS = [0, 2, 4, 6, 8]
_NEAR = SAMPLE_RATE_HZ // 10
_LAGS = {AudioFormat.MP3: 0, AudioFormat.OPUS: 1}  # libsndfile rounds Opus' delay by its own rule


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A file joined from parts, one encoded in one go, and the errors of both in each chunk."""

    programme: Programme
    joined: bytes
    at_once: bytes
    decoded: Waveform
    positions: list[int]
    errors: list[Waveform]
    errors_at_once: list[Waveform]


def _chapters(programme: Programme) -> list[ChapterMark]:
    titles = ["Eins", "Zwei: über alles", "Drei"]
    return [
        ChapterMark(title=title, start=programme.starts[first])
        for title, first in zip(titles, [0, 3, 8], strict=True)
    ]


@cache
def _case(audio_format: AudioFormat, pause_ms: int) -> _Case:
    programme = make_programme([4, 5, 3, 6, 5, 4, 3, 5, 4, 5], pause_ms)
    chapters = _chapters(programme)
    with tempfile.TemporaryDirectory() as folder:
        joined, at_once = Path(folder, f"parts.{audio_format}"), Path(folder, f"one.{audio_format}")
        positions = join(joined, programme, _CUTS, audio_format, chapters)
        encode_at_once(at_once, programme, audio_format, chapters)
        decoded, reference = decode(joined), decode(at_once)
        return _Case(
            programme=programme,
            joined=joined.read_bytes(),
            at_once=at_once.read_bytes(),
            decoded=decoded,
            positions=positions,
            errors=_errors(decoded, programme, positions),
            errors_at_once=_errors(reference, programme, programme.starts[:-1]),
        )


def _errors(decoded: Waveform, programme: Programme, positions: list[int]) -> list[Waveform]:
    return [
        decoded[start : start + waveform.size] - waveform
        for start, waveform in zip(positions, programme.waveforms, strict=True)
    ]


def _energy(*errors: Waveform) -> float:
    return float(sum(np.square(error, dtype=np.float64).sum() for error in errors))


@pytest.fixture(params=_FORMATS, ids=str)
def audio_format(request: pytest.FixtureRequest) -> AudioFormat:
    return AudioFormat(request.param)


@pytest.fixture(params=_PAUSES_MS, ids=lambda pause_ms: f"{pause_ms}ms")
def case(request: pytest.FixtureRequest, audio_format: AudioFormat) -> _Case:
    return _case(audio_format, request.param)


def test_parts_are_as_close_to_the_source_as_one_go(case: _Case) -> None:
    ratio = _energy(*case.errors) / _energy(*case.errors_at_once)
    assert ratio**0.5 < 1.01


def test_seams_are_nearly_as_close_to_the_source_as_one_go(case: _Case) -> None:
    for cut in _CUTS[1:]:
        before = [errors[cut - 1][-_NEAR:] for errors in (case.errors, case.errors_at_once)]
        after = [errors[cut][:_NEAR] for errors in (case.errors, case.errors_at_once)]
        for parts, one_go in (before, after):
            assert (_energy(parts) / _energy(one_go)) ** 0.5 < 2.5


def test_no_seam_clicks(case: _Case) -> None:
    """A click would be sound in a pause, or a larger error than those of encoding in one go."""
    worst = max(float(np.abs(error).max()) for error in case.errors_at_once)
    for cut in _CUTS[1:]:
        end = case.positions[cut - 1] + case.programme.chunks[cut - 1].samples
        pause = case.decoded[end : case.positions[cut]]
        assert np.abs(pause).max(initial=0) < 10 ** (-50 / 20)
        near = np.concatenate([case.errors[cut - 1][-_NEAR:], case.errors[cut][:_NEAR]])
        assert np.abs(near).max() < worst


def test_a_joined_file_is_as_long_as_its_sound_to_the_sample(
    tmp_path: Path, case: _Case, audio_format: AudioFormat
) -> None:
    path = tmp_path / f"a.{audio_format}"
    path.write_bytes(case.joined)
    if audio_format is AudioFormat.M4B:
        with av.open(str(path)) as container:
            stream = container.streams.audio[0]
            assert stream.duration == case.programme.samples
            assert stream.start_time == 0
    else:
        assert decode(path).size == case.programme.samples
        assert decode_elsewhere(path).size == case.programme.samples


def test_other_decoders_hear_the_same(
    tmp_path: Path, case: _Case, audio_format: AudioFormat
) -> None:
    if audio_format is AudioFormat.M4B:
        pytest.skip("libsndfile knows no AAC")
    errors = []
    for data, positions in (
        (case.joined, case.positions),
        (case.at_once, case.programme.starts[:-1]),
    ):
        path = tmp_path / f"a.{audio_format}"
        path.write_bytes(data)
        decoded = np.roll(decode_elsewhere(path), _LAGS[audio_format])
        errors.append(_energy(*_errors(decoded, case.programme, positions)))
    assert (errors[0] / errors[1]) ** 0.5 < 1.01


def test_a_file_tells_title_author_watermark_and_chapters(tmp_path: Path, case: _Case) -> None:
    path = tmp_path / "a"
    path.write_bytes(case.joined)
    with av.open(str(path)) as container:
        tags = {**container.metadata, **container.streams.audio[0].metadata}
        chapters = [
            (c["start"] * c["time_base"], c["metadata"]["title"]) for c in container.chapters()
        ]
    assert (tags["title"], tags["artist"]) == (TAGS.title, TAGS.author)
    assert tags["comment"] == f"watermark: {TAGS.watermark}"
    for (start_s, title), mark in zip(chapters, _chapters(case.programme), strict=True):
        assert title == mark.title
        assert float(start_s) == pytest.approx(mark.start / SAMPLE_RATE_HZ, abs=0.0015)


def test_a_joined_file_is_no_larger_than_one_go(case: _Case) -> None:
    assert len(case.joined) < 1.05 * len(case.at_once)


def test_the_same_parts_give_the_same_bytes(tmp_path: Path, audio_format: AudioFormat) -> None:
    programme = make_programme([1, 2, 1], 250)
    paths = [tmp_path / f"{name}.{audio_format}" for name in "ab"]
    for path in paths:
        join(path, programme, [0, 1, 2], audio_format)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_single_part_is_a_file(tmp_path: Path, audio_format: AudioFormat) -> None:
    path = tmp_path / f"a.{audio_format}"
    join(path, make_programme([1], 0), [0], audio_format)
    assert probe(path).duration_s == pytest.approx(1, abs=0.5)


def test_more_chapters_than_one_byte_counts(tmp_path: Path, audio_format: AudioFormat) -> None:
    programme = make_programme([3], 0)
    chapters = [ChapterMark(title=f"Kapitel {n} " * 9, start=n * 200) for n in range(300)]
    path = tmp_path / f"a.{audio_format}"
    join(path, programme, [0], audio_format, chapters)
    titles = [title.strip() for title in probe(path).chapters]
    assert titles == [chapter.title.strip() for chapter in chapters]


def test_what_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, audio_format: AudioFormat
) -> None:
    programme = make_programme([1], 0)
    with pytest.raises(OutputError, match="cannot be written"):
        join(tmp_path / "missing" / "a", programme, [0], audio_format)
    assert not list(tmp_path.iterdir())
