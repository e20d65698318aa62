"""Read a voice recording from any common container and refuse what cannot make a voice.

No torch and no resampling here: the API checks uploads with it before any model is loaded.
"""

import hashlib
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from narration.errors import RecordingError

_BLOCK_FRAMES = 1 << 13
_SEEKABLE = ("WAV", "WAVEX", "RF64", "W64", "FLAC", "AIFF")  # formats without memory
_FULL_SCALE = 0.999
# Plain containers only: a playlist in disguise could make FFmpeg open other files or addresses.
_CONTAINERS = "mov,mp4,m4a,3gp,matroska,webm,ogg,mp3,aac,flac,wav,w64,aiff,caf,asf,amr"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingLimits:
    """What a recording must be to become a voice."""

    min_duration_s: float = 5.0
    max_duration_s: float = 600.0
    max_size_bytes: int = 64 * 2**20
    min_rate_hz: int = 8_000
    max_rate_hz: int = 192_000
    min_level_dbfs: float = -55.0  # root mean square over the whole recording
    max_clipped_share: float = 0.005  # of the samples at full scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A decoded recording: one channel, its own rate.

    Shapes: samples (S,), float32 in about [-1, 1].
    """

    name: str
    digest: str  # SHA-256 of the file as it came
    rate_hz: int
    samples: NDArray[np.float32]

    @property
    def duration_s(self) -> float:
        """Length of the recording."""
        return len(self.samples) / self.rate_hz


DEFAULT_LIMITS = RecordingLimits()


def read_recording(path: Path, limits: RecordingLimits = DEFAULT_LIMITS) -> Recording:
    """Read and check a recording on disk.

    Raises: RecordingError if it is missing, unreadable or outside the limits.
    """
    try:
        _check_size(path.stat().st_size, path.name, limits)
        data = path.read_bytes()
    except OSError as error:
        raise RecordingError(
            f"{path} cannot be read ({error.strerror}): name a sound file that is there"
        ) from error
    return decode_recording(data, path.name, limits)


def decode_recording(data: bytes, name: str, limits: RecordingLimits = DEFAULT_LIMITS) -> Recording:
    """Decode and check a recording in memory; `name` is only for messages.

    Raises: RecordingError if it is not audio, too large, too short, too long, silent, clipped or
    holds samples that are not numbers.
    """
    _check_size(len(data), name, limits)
    rate_hz, samples = _decode(data, name, limits)
    digest = hashlib.sha256(data).hexdigest()
    recording = Recording(name=name, digest=digest, rate_hz=rate_hz, samples=samples)
    _check_duration(recording, limits)
    _check_sound(recording, limits)
    return recording


def _decode(data: bytes, name: str, limits: RecordingLimits) -> tuple[int, NDArray[np.float32]]:
    """Shapes: -> rate, (S,). libsndfile where it can read the file: upstream decodes with it."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            if sound.format not in (*_SEEKABLE, "MP3"):
                return _decode_container(data, name, limits)
            _check_rate(sound.samplerate, name, limits)
            # Python's binding seeks after each read, which costs an mp3 its bit reservoir.
            whole = max(1, min(sound.frames, _most_frames(sound.samplerate, limits)))
            size = _BLOCK_FRAMES if sound.format in _SEEKABLE else whole
            blocks = sound.blocks(size, dtype="float32", always_2d=True)
            return sound.samplerate, _mix(blocks, sound.samplerate, name, limits)
    except soundfile.LibsndfileError:
        return _decode_container(data, name, limits)


def _decode_container(
    data: bytes, name: str, limits: RecordingLimits
) -> tuple[int, NDArray[np.float32]]:
    options = {"format_whitelist": _CONTAINERS}
    try:
        with av.open(io.BytesIO(data), mode="r", options=options) as container:
            if not container.streams.audio:
                raise _no_sound(name)
            rate_hz = container.streams.audio[0].rate
            _check_rate(rate_hz, name, limits)
            return rate_hz, _mix(_blocks(container.decode(audio=0)), rate_hz, name, limits)
    except (av.FFmpegError, ValueError) as error:
        raise RecordingError(
            f'"{name}" is not a sound file we can read: send wav, flac, mp3, m4a, ogg or opus'
        ) from error


def _blocks(frames: Iterator[av.AudioFrame]) -> Iterator[NDArray[np.float32]]:
    planar = av.AudioResampler(format="fltp")
    for frame in frames:
        for block in planar.resample(frame):
            yield block.to_ndarray().T.astype(np.float32)


def _mix(
    blocks: Iterable[NDArray[np.float32]], rate_hz: int, name: str, limits: RecordingLimits
) -> NDArray[np.float32]:
    """Average the channels block by block, so that neither they nor the length fill the memory.

    Shapes: blocks of (frames, channels) -> (S,).
    """
    most_frames = _most_frames(rate_hz, limits)
    mixed: list[NDArray[np.float32]] = []
    frames = 0
    for block in blocks:
        mixed.append(block.mean(axis=1, dtype=np.float32))
        frames += len(block)
        if frames >= most_frames:
            break
    if not mixed:
        raise _no_sound(name)
    return np.concatenate(mixed)


def _most_frames(rate_hz: int, limits: RecordingLimits) -> int:
    """One second beyond the limit is enough to know that a recording is too long."""
    return math.ceil((limits.max_duration_s + 1) * rate_hz)


def _no_sound(name: str) -> RecordingError:
    return RecordingError(f'"{name}" holds no sound: send a recording of a voice')


def _check_size(size_bytes: int, name: str, limits: RecordingLimits) -> None:
    if size_bytes == 0:
        raise RecordingError(f'"{name}" is empty: send a recording of a voice')
    if size_bytes > limits.max_size_bytes:
        raise RecordingError(
            f'"{name}" has {size_bytes:,} bytes, at most {limits.max_size_bytes:,} are allowed: '
            "cut it or compress it"
        )


def _check_rate(rate_hz: int, name: str, limits: RecordingLimits) -> None:
    if rate_hz < limits.min_rate_hz:
        raise RecordingError(
            f'"{name}" is sampled at {rate_hz} Hz, a voice needs at least {limits.min_rate_hz} Hz: '
            "record it at a higher rate"
        )
    if rate_hz > limits.max_rate_hz:
        raise RecordingError(
            f'"{name}" is sampled at {rate_hz} Hz, at most {limits.max_rate_hz} Hz are allowed: '
            "convert it to 48000 Hz"
        )


def _check_duration(recording: Recording, limits: RecordingLimits) -> None:
    if recording.duration_s < limits.min_duration_s:
        raise RecordingError(
            f'"{recording.name}" is {recording.duration_s:.1f} s long, a voice needs at least '
            f"{limits.min_duration_s:g} s: send a longer recording"
        )
    if recording.duration_s > limits.max_duration_s:
        raise RecordingError(
            f'"{recording.name}" is longer than {limits.max_duration_s:g} s: '
            "cut out ten seconds of clear speech"
        )


def _check_sound(recording: Recording, limits: RecordingLimits) -> None:
    samples = recording.samples
    if not np.isfinite(samples).all():
        raise RecordingError(
            f'"{recording.name}" holds samples that are not numbers: export it again'
        )
    level = math.sqrt(float(np.vdot(samples, samples)) / len(samples))
    if level < 10 ** (limits.min_level_dbfs / 20):
        raise RecordingError(
            f'"{recording.name}" is silent or nearly so: record closer to the microphone'
        )
    clipped_share = float(np.mean(np.abs(samples) >= _FULL_SCALE))
    if clipped_share > limits.max_clipped_share:
        raise RecordingError(
            f'"{recording.name}" is clipped ({clipped_share:.1%} of its samples are at full '
            "scale): record it again at a lower level"
        )
