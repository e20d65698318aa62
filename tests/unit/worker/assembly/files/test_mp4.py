import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from narration.mp4.boxes import find_boxes, media_header, movie_header
from tests.joined import TAGS, make_programme
from worker.assembly.files.mp4 import join_mp4
from worker.assembly.parts.codecs import AAC
from worker.assembly.parts.encode import encode_part, open_encoder
from worker.assembly.parts.plans import place_parts, plan_parts
from worker.assembly.types import ChapterMark
from worker.chatterbox.config import SAMPLE_RATE_HZ


def _join(file: io.BytesIO, largest: int) -> int:
    programme = make_programme([1, 2, 1], 250)
    plans = plan_parts(programme.chunks, [0, 1, 2], AAC)
    join_mp4(
        file,
        place_parts(programme.chunks, plans, AAC),
        (encode_part(plan, dict(enumerate(programme.waveforms)), AAC) for plan in plans),
        samples=programme.samples,
        tags=TAGS,
        chapters=[ChapterMark(title="Eins", start=0)],
        largest=largest,
    )
    return programme.samples


@pytest.mark.parametrize("largest", [1 << 32, 1000])
def test_files_beyond_32_bits_say_where_their_sound_lies(tmp_path: Path, largest: int) -> None:
    buffers = [io.BytesIO(), io.BytesIO()]
    samples = _join(buffers[0], 1 << 32)
    _join(buffers[1], largest)
    decoded = []
    for buffer in buffers:
        with av.open(io.BytesIO(buffer.getvalue())) as container:
            assert container.streams.audio[0].duration == samples
            assert len(container.chapters()) == 1
            decoded.append(np.concatenate([f.to_ndarray() for f in container.decode(audio=0)], 1))
    np.testing.assert_array_equal(*decoded)


def test_the_index_stands_before_the_sound() -> None:
    buffer = io.BytesIO()
    _join(buffer, 1 << 32)
    kinds = [kind for kind, _ in find_boxes(memoryview(buffer.getvalue()))]
    assert kinds == [b"ftyp", b"moov", b"mdat"]


def test_the_index_describes_what_the_encoder_makes() -> None:
    encoder = open_encoder(AAC, AAC.bit_rate)
    encoder.open()
    assert encoder.extradata == AAC.config


@pytest.mark.parametrize("duration", [(1 << 32) - 1, 1 << 32, 1 << 40])
def test_durations_of_any_length_are_kept(duration: int) -> None:
    """49 hours are more samples than 32 bits count."""
    headers = [movie_header(SAMPLE_RATE_HZ, duration, tracks=1)]
    for header in [*headers, media_header(SAMPLE_RATE_HZ, duration)]:
        ((_, content),) = find_boxes(memoryview(header))
        wide = content[0] == 1
        layout = ">4xQQIQ" if wide else ">4xIIII"
        assert struct.unpack_from(layout, content)[2:] == (SAMPLE_RATE_HZ, duration)


@pytest.mark.parametrize("data", [b"\0", b"\0\0\0\7free", b"\0\0\0\x10free"])
def test_boxes_that_do_not_fit_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="box"):
        list(find_boxes(memoryview(data)))
