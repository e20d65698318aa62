"""Read a voice recording from any common container, and refuse what cannot become a voice.

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
from av.container import InputContainer
from numpy.typing import NDArray

from narration.errors import RecordingError
from narration.voices.file_lengths import promised_share
from narration.voices.ogg import is_cut_short, is_ogg

_BLOCK_FRAMES = 1 << 13
_SEEKABLE = ("WAV", "WAVEX", "RF64", "W64", "FLAC", "AIFF")  # formats without state between blocks
_FULL_SCALE = 0.999
# Plain containers only: a playlist in disguise could make FFmpeg open other files or addresses.
_WITH_LENGTH = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "asf")  # written in their headers
_MISSING_S = 0.5  # more than encoders round a length by
_FIRST_FRAME_BYTES = 4096  # more than a frame has
_CONTAINERS = "mov,mp4,m4a,3gp,matroska,webm,ogg,mp3,aac,flac,wav,w64,aiff,caf,asf,amr"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingLimits:
    """The requirements on a recording."""

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
    digest: str  # SHA-256 of the original file
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
            f"{path} cannot be read ({error.strerror}): name a sound file that exists"
        ) from error
    return decode_recording(data, path.name, limits)


def decode_recording(data: bytes, name: str, limits: RecordingLimits = DEFAULT_LIMITS) -> Recording:
    """Decode and check a recording in memory; `name` is only for messages.

    Raises: RecordingError if it is not audio, too large, too short, too long, silent, clipped or
    contains samples that are not numbers.
    """
    _check_size(len(data), name, limits)
    rate_hz, samples = _decode(data, name, limits)
    digest = hashlib.sha256(data).hexdigest()
    recording = Recording(name=name, digest=digest, rate_hz=rate_hz, samples=samples)
    _check_duration(recording, limits)
    _check_sound(recording, limits)
    return recording


def _decode(data: bytes, name: str, limits: RecordingLimits) -> tuple[int, NDArray[np.float32]]:
    """Shapes: -> rate, (S,). Prefers libsndfile, with which upstream decodes."""
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            if sound.format not in (*_SEEKABLE, "MP3"):
                return _decode_container(data, name, limits)
            _check_rate(sound.samplerate, name, limits)
            present_s = sound.frames / sound.samplerate
            _check_whole(present_s, present_s * promised_share(data), name, limits)
            if sound.format == "MP3" and _says_its_length(data):
                _check_whole(_coded_s(data), present_s, name, limits)
            # In one read: the Python binding seeks after each one, which loses an mp3's bit
            # reservoir.
            whole = max(1, min(sound.frames, _most_frames(sound.samplerate, limits)))
            size = _BLOCK_FRAMES if sound.format in _SEEKABLE else whole
            return sound.samplerate, _mix(_read(sound, size), sound.samplerate, name, limits)
    except soundfile.LibsndfileError:
        return _decode_container(data, name, limits)


def _read(sound: soundfile.SoundFile, size: int) -> Iterator[NDArray[np.float32]]:
    """Read to the end, which may come early: the length of an MP3 is often only estimated.

    `SoundFile.blocks` would fill up the rest with whatever is in memory.
    """
    while len(block := sound.read(size, dtype="float32", always_2d=True)):
        yield block
        if len(block) < size:
            return


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
            promised_s = _promised_s(container)
            samples = _mix(_blocks(container.decode(audio=0)), rate_hz, name, limits)
            heard_s = len(samples) / rate_hz
            _check_whole(heard_s, max(promised_s, heard_s * promised_share(data)), name, limits)
            if is_ogg(data) and heard_s < limits.max_duration_s:
                _check_ogg(data, heard_s, name)
            return rate_hz, samples
    except (av.FFmpegError, ValueError) as error:
        raise RecordingError(
            f'"{name}" is damaged, or not a sound file we can read: send a whole wav, flac, mp3, '
            "m4a, ogg or opus"
        ) from error


def _says_its_length(mp3: bytes) -> bool:
    """Return whether an MP3 holds its length; for others the decoder estimates it by their size.

    Encoders write it into a first frame without sound, which may follow a tag with a picture.
    """
    start = 0
    if mp3.startswith(b"ID3"):
        for byte in mp3[6:10]:  # its size, seven bits in a byte
            start = start << 7 | byte & 0x7F
    first = mp3[start : start + _FIRST_FRAME_BYTES]
    return any(mark in first for mark in (b"Xing", b"Info", b"VBRI"))


def _coded_s(data: bytes) -> float:
    """Return how much sound the packets of an MP3 hold, whatever its header says."""
    try:
        with av.open(io.BytesIO(data), mode="r", format="mp3") as container:
            return sum(
                float(packet.duration * packet.time_base)
                for packet in container.demux(audio=0)
                if packet.duration and packet.time_base
            )
    except (av.FFmpegError, ValueError, IndexError):
        return math.inf  # two decoders disagree: the one that reads it is believed


def _promised_s(container: InputContainer) -> float:
    """Return how long a file says that its sound is; 0 where it does not."""
    sound = container.streams.audio[0]
    if sound.duration and sound.time_base and container.format.name in _WITH_LENGTH:
        return float(sound.duration * sound.time_base)
    # A film may go on after its sound.
    is_alone = container.format.name in _WITH_LENGTH and len(container.streams) == 1
    return (container.duration or 0) / av.time_base if is_alone else 0.0


def _check_whole(heard_s: float, promised_s: float, name: str, limits: RecordingLimits) -> None:
    """Refuse a file that breaks off: a voice made of half a recording is nobody's wish."""
    if heard_s + _MISSING_S < min(promised_s, limits.max_duration_s):
        raise RecordingError(
            f"{name} breaks off after {heard_s:.1f} of {promised_s:.1f} s: send the whole file, or "
            "export what is there"
        )


def _check_ogg(data: bytes, heard_s: float, name: str) -> None:
    try:
        is_short = is_cut_short(data)
    except ValueError as error:
        raise RecordingError(f"{name} is damaged ({error}): send it again, whole") from error
    if is_short:
        raise RecordingError(
            f"{name} breaks off after {heard_s:.1f} s, in the middle of a page: send the "
            "whole file, or export what is there"
        )


def _blocks(frames: Iterator[av.AudioFrame]) -> Iterator[NDArray[np.float32]]:
    planar = av.AudioResampler(format="fltp")
    for frame in frames:
        for block in planar.resample(frame):
            yield block.to_ndarray().T.astype(np.float32)


def _mix(
    blocks: Iterable[NDArray[np.float32]], rate_hz: int, name: str, limits: RecordingLimits
) -> NDArray[np.float32]:
    """Average the channels block by block, so that long or multichannel files do not fill memory.

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
    """Return a limit one second above the allowed length, enough to see that a file is too long."""
    return math.ceil((limits.max_duration_s + 1) * rate_hz)


def _no_sound(name: str) -> RecordingError:
    return RecordingError(f'"{name}" contains no sound: send a recording of a voice')


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
            f'"{recording.name}" contains samples that are not numbers: export it again'
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
