import hashlib
import io
import tracemalloc
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from narration.errors import RecordingError
from narration.voices.recording import RecordingLimits, decode_recording, read_recording

RATE_HZ = 24_000


def voice(duration_s: float = 6.0, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    """A gliding tone that swells and fades: loud enough, never at full scale."""
    time = np.arange(int(duration_s * rate_hz)) / rate_hz
    phase = 2 * np.pi * (150 * time + 5 * np.sin(2 * time))
    return (0.4 * np.sin(phase) * (0.6 + 0.4 * np.sin(3 * time))).astype(np.float32)


def in_libsndfile(samples: NDArray[np.float32], rate_hz: int = RATE_HZ, **form: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, **{"format": "WAV", "subtype": "FLOAT", **form})
    return file.getvalue()


def in_ffmpeg(
    samples: NDArray[np.float32], container: str, codec: str, rate_hz: int, **options: str
) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container, options=options) as out:
        stream = out.add_stream(codec, rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        for packet in (*stream.encode(frame), *stream.encode(None)):
            out.mux(packet)
    return file.getvalue()


def test_wav_is_read_exactly() -> None:
    samples = voice()
    data = in_libsndfile(samples)
    recording = decode_recording(data, "a.wav")
    assert recording.rate_hz == RATE_HZ
    assert np.array_equal(recording.samples, samples)
    assert recording.digest == hashlib.sha256(data).hexdigest()
    assert recording.duration_s == 6.0


@pytest.mark.parametrize(
    ("form", "tolerance"),
    [
        ({"format": "FLAC", "subtype": "PCM_24"}, 1e-6),
        ({"format": "MP3", "subtype": "MPEG_LAYER_III"}, 0.05),
        ({"format": "OGG", "subtype": "VORBIS"}, 0.05),
        ({"format": "OGG", "subtype": "OPUS"}, 0.05),
        ({"format": "WAV", "subtype": "PCM_16"}, 1e-4),
    ],
)
def test_libsndfile_formats_keep_the_sound(form: dict[str, str], tolerance: float) -> None:
    samples = voice()
    recording = decode_recording(in_libsndfile(samples, **form), "a")
    assert abs(level(recording.samples) / level(samples) - 1) < tolerance
    assert recording.duration_s == pytest.approx(6.0, abs=0.1)


def test_mp3_is_heard_as_upstream_hears_it() -> None:
    data = in_libsndfile(voice(), format="MP3", subtype="MPEG_LAYER_III")
    at_once, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    # Not bit for bit: the last digit differs from one decoding to the next.
    assert np.allclose(decode_recording(data, "a.mp3").samples, at_once, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("container", "codec"), [("mp4", "aac"), ("webm", "libopus"), ("adts", "aac")]
)
def test_ffmpeg_formats_keep_the_sound(container: str, codec: str) -> None:
    samples = voice(rate_hz=48_000)
    recording = decode_recording(in_ffmpeg(samples, container, codec, 48_000), "a")
    assert recording.rate_hz == 48_000
    assert abs(level(recording.samples) / level(samples) - 1) < 0.05
    assert recording.duration_s == pytest.approx(6.0, abs=0.1)


def level(samples: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def test_channels_are_averaged() -> None:
    left, right = voice(), 0.5 * voice()[::-1]
    recording = decode_recording(in_libsndfile(np.stack([left, right], axis=1)), "a.wav")
    assert np.allclose(recording.samples, (left + right) / 2, atol=1e-7)


def with_nan() -> NDArray[np.float32]:
    samples = voice()
    samples[1000] = np.nan
    return samples


REFUSED = {
    "too short": (in_libsndfile(voice(4.9)), "4.9 s long, a voice needs at least 5 s"),
    "silent": (in_libsndfile(np.zeros(6 * RATE_HZ, np.float32)), "is silent"),
    "nearly silent": (in_libsndfile(voice() * np.float32(0.001)), "is silent"),
    "clipped": (in_libsndfile(np.clip(voice() * 8, -1, 1)), "is clipped"),
    "not a number": (in_libsndfile(with_nan()), "not numbers"),
    "infinite": (in_libsndfile(np.full(6 * RATE_HZ, np.inf, np.float32)), "not numbers"),
    "text": (b"It was a dark and stormy night. " * 500, "not a sound file"),
    "empty": (b"", "is empty"),
    "cut header": (in_libsndfile(voice())[:44], "not a sound file"),
    "no frames": (in_libsndfile(np.zeros(0, np.float32)), "contains no sound"),
    "high rate": (in_libsndfile(voice(rate_hz=8000), 384_000), "sampled at 384000 Hz"),
    "low rate": (in_libsndfile(voice(rate_hz=4000), 4000), "sampled at 4000 Hz"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_unusable_recording_is_refused_by_name_and_reason(why: str) -> None:
    data, reason = REFUSED[why]
    with pytest.raises(RecordingError) as caught:
        decode_recording(data, "anna.wav")
    assert str(caught.value).startswith('"anna.wav" ')
    assert reason in str(caught.value)


def mp3() -> bytes:
    return in_libsndfile(voice(12.0), format="MP3", subtype="MPEG_LAYER_III")


BROKEN_OFF = {
    "mp3": mp3(),
    "wav": in_libsndfile(voice(12.0)),
    "wav with a large header": in_libsndfile(voice(12.0), format="RF64"),
    "wave64": in_libsndfile(voice(12.0), format="W64"),
    "aiff": in_libsndfile(voice(12.0), format="AIFF"),
    "caf": in_libsndfile(voice(12.0), format="CAF"),
    "webm": in_ffmpeg(voice(12.0, 48_000), "webm", "libopus", 48_000),
}
IN_OGG = {
    "opus": in_ffmpeg(voice(12.0, 48_000), "ogg", "libopus", 48_000),
    "opus, written otherwise": in_libsndfile(
        voice(12.0, 48_000), 48_000, format="OGG", subtype="OPUS"
    ),
    "vorbis": in_libsndfile(voice(12.0), format="OGG", subtype="VORBIS"),
}


@pytest.mark.parametrize("kind", BROKEN_OFF)
def test_a_recording_that_breaks_off_is_refused_by_where_it_does(kind: str) -> None:
    data = BROKEN_OFF[kind]
    assert decode_recording(data, "anna").duration_s == pytest.approx(12.0, abs=0.1)
    with pytest.raises(
        RecordingError, match=r"breaks off after [78]\.\d of 12\.\d s: send the whole"
    ):
        decode_recording(data[: len(data) * 2 // 3], "anna")


@pytest.mark.parametrize("kind", IN_OGG)
@pytest.mark.parametrize("where", ["in a page", "in the header of a page", "in the last page"])
def test_an_ogg_file_that_breaks_off_is_refused_by_where_it_does(kind: str, where: str) -> None:
    data = IN_OGG[kind]
    assert decode_recording(data, "anna").duration_s == pytest.approx(12.0, abs=0.1)
    two_thirds = len(data) * 2 // 3
    end = {
        "in a page": two_thirds,
        "in the header of a page": data.rfind(b"OggS", 0, two_thirds) + 2,
        "in the last page": len(data) - 1,
    }[where]
    with pytest.raises(RecordingError, match=r"breaks off after \d+\.\d s, .* send the whole"):
        decode_recording(data[:end], "anna")


@pytest.mark.parametrize("kind", IN_OGG)
def test_an_ogg_file_whose_recorder_marked_no_last_page_is_whole(kind: str) -> None:
    data = IN_OGG[kind]
    without_last = data[: data.rfind(b"OggS")]
    assert decode_recording(without_last, "anna").duration_s > 5.0


@pytest.mark.parametrize("kind", IN_OGG)
def test_an_ogg_file_with_a_damaged_page_is_refused_by_which_it_is(kind: str) -> None:
    data = IN_OGG[kind]
    middle = len(data) // 2
    page = data.rfind(b"OggS", 0, middle)
    damaged = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    with pytest.raises(RecordingError, match=f"damaged .the page at byte {page:,} "):
        decode_recording(damaged, "anna")


def test_what_is_appended_to_an_ogg_file_does_not_matter() -> None:
    tagged = IN_OGG["opus"] + b"TAG" + bytes(125)
    assert decode_recording(tagged, "anna.opus").duration_s == pytest.approx(12.0, abs=0.1)


def test_ogg_files_after_each_other_are_one_recording_and_whole() -> None:
    data = IN_OGG["vorbis"]
    assert decode_recording(data + data, "anna.ogg").duration_s >= 12.0
    with pytest.raises(RecordingError, match="breaks off after"):
        decode_recording(data + data[: len(data) // 2], "anna.ogg")


@pytest.mark.parametrize("size", [0xFFFF_FFFF, 0x7FFF_FFFF, 0])
def test_a_wav_whose_writer_did_not_know_its_length_is_whole(size: int) -> None:
    data = in_libsndfile(voice())
    piped = data[:4] + size.to_bytes(4, "little") + data[8:]
    assert decode_recording(piped, "anna.wav").duration_s == 6.0


@pytest.mark.parametrize("appended", [b"", b"TAG" + bytes(125)], ids=["alone", "tagged"])
def test_an_mp3_that_does_not_say_its_length_is_heard_to_its_end(appended: bytes) -> None:
    samples = voice(12.0, 44_100)
    data = in_ffmpeg(samples, "mp3", "libmp3lame", 44_100, write_xing="0") + appended
    with soundfile.SoundFile(io.BytesIO(data)) as sound:
        assert sound.frames > len(samples) + 1152, "the length is not estimated any more"
    heard = decode_recording(data, "anna.mp3").samples
    assert len(samples) <= len(heard) < len(samples) + 3 * 1152
    assert np.abs(heard).max() < 0.5


def test_an_mp3_with_a_large_picture_that_breaks_off_is_refused() -> None:
    size = 100_000
    syncsafe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    tag = b"ID3\4\0\0" + syncsafe + bytes(size)
    assert decode_recording(tag + mp3(), "anna.mp3").duration_s == pytest.approx(12.0, abs=0.1)
    with pytest.raises(RecordingError, match="breaks off after"):
        decode_recording(tag + mp3()[: len(mp3()) * 2 // 3], "anna.mp3")


def test_limits_are_arguments() -> None:
    data = in_libsndfile(voice(6.0))
    with pytest.raises(RecordingError, match=r"longer than 5\.5 s"):
        decode_recording(data, "a.wav", RecordingLimits(max_duration_s=5.5))
    with pytest.raises(RecordingError, match="at most 1,000 are allowed"):
        decode_recording(data, "a.wav", RecordingLimits(max_size_bytes=1000))
    short = in_libsndfile(voice(2.0))
    assert decode_recording(short, "a.wav", RecordingLimits(min_duration_s=1.0))


def test_recording_in_any_container_can_be_too_long() -> None:
    data = in_ffmpeg(voice(12.0), "mp4", "aac", RATE_HZ)
    with pytest.raises(RecordingError, match="longer than 5 s"):
        decode_recording(data, "a.m4a", RecordingLimits(max_duration_s=5.0))


def test_memory_holds_one_channel_of_the_allowed_length() -> None:
    data = in_libsndfile(np.zeros((RATE_HZ * 20, 8), np.float32), format="FLAC", subtype="PCM_16")
    tracemalloc.start()
    with pytest.raises(RecordingError, match="longer than 5 s"):
        decode_recording(data, "a.flac", RecordingLimits(max_duration_s=5.0))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    mono_bytes = 6 * RATE_HZ * 4
    assert peak_bytes < 4 * mono_bytes  # the whole recording would take 27 times


def test_film_without_sound_is_refused() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        for packet in (*stream.encode(picture), *stream.encode(None)):
            out.mux(packet)
    with pytest.raises(RecordingError, match="contains no sound"):
        decode_recording(file.getvalue(), "a.mp4")


def test_playlist_cannot_reach_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.wav").write_bytes(in_libsndfile(voice()))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecordingError, match="not a sound file"):
        decode_recording(b"ffconcat version 1.0\nfile secret.wav\n", "a.wav")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"anna\.wav cannot be read"):
        read_recording(tmp_path / "anna.wav")


def test_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "anna.wav"
    with path.open("wb") as file:
        file.truncate(2**40)  # sparse: reading it would fail
    with pytest.raises(RecordingError, match="are allowed"):
        read_recording(path)
