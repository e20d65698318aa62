"""A chunk's edges: silence trimmed to a margin, no DC offset, no click at either end."""

import numpy as np

from narration.sound.waveform import Waveform
from worker.chatterbox.config import SAMPLE_RATE_HZ

_FRAME = SAMPLE_RATE_HZ // 100  # 10 ms
_FLOOR = 10 ** (-60 / 20)  # anything quieter is silence in any recording
_BELOW_LOUDEST = 10 ** (-40 / 20)  # breaths and soft consonants are louder, vocoder hiss is quieter
_LEAD = SAMPLE_RATE_HZ * 40 // 1000  # kept before speech: the onset of a soft consonant
_TAIL = SAMPLE_RATE_HZ * 80 // 1000  # kept after it: the decay of the last sound
_FADE = SAMPLE_RATE_HZ * 5 // 1000  # long enough to hide a step, too short to hear
_OFFSET_HZ = 20.0  # slower movement is inaudible
_SETTLED = SAMPLE_RATE_HZ // 4  # the filter's response to a step has decayed by then
_QUICK_BITS = 6  # lengths are rounded up to this many significant bits, by 3 % at most


def trim_edges(waveform: Waveform) -> Waveform:
    """Trim silence at both ends to a margin, remove the DC offset and fade the ends to zero.

    Shapes: (S,) -> (at most S,). A waveform that is silent throughout keeps its length.
    """
    if not waveform.size:
        return waveform
    centred = _take_out_offset(waveform)
    start, end = speech_bounds(centred)
    if start < end:
        centred = centred[max(start - _LEAD, 0) : end + _TAIL]
    return _fade(centred)


def speech_bounds(waveform: Waveform) -> tuple[int, int]:
    """Return where speech starts and ends, in samples to 10 ms; (0, 0) if all is silence."""
    loud = np.flatnonzero(is_loud(frame_levels(waveform, _FRAME)))
    if not loud.size:
        return 0, 0
    return int(loud[0]) * _FRAME, min((int(loud[-1]) + 1) * _FRAME, waveform.size)


def frame_levels(waveform: Waveform, frame: int) -> Waveform:
    """Return the root mean square of each frame.

    Shapes: (S,) -> (ceil(S / frame),); the last frame is zero-padded.
    """
    frames = -(-waveform.size // frame)
    padded = np.zeros(frames * frame, dtype=np.float32)
    padded[: waveform.size] = waveform
    levels: Waveform = np.sqrt(np.square(padded.reshape(frames, frame)).mean(axis=1))
    return levels


def is_loud(levels: Waveform) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return which frames are not silence, by a floor and relative to the loudest frame."""
    loudest = float(levels.max(initial=0.0))
    return levels > max(_FLOOR, loudest * _BELOW_LOUDEST)


def _take_out_offset(waveform: Waveform) -> Waveform:
    """Remove what is too slow to hear, without delaying the sound.

    Subtracting the mean is not enough: some voices have an offset while they speak and none in
    their pauses, so it would add one there.
    """
    length = _quick_length(waveform.size + 2 * _SETTLED)
    after = length - waveform.size - _SETTLED
    # Mirrored ends, so that a constant offset leaves no step at either end.
    padded = np.pad(waveform, (_SETTLED, after), mode="symmetric")
    hz_4 = np.fft.rfftfreq(length, 1 / SAMPLE_RATE_HZ) ** 4
    gain = hz_4 / (hz_4 + _OFFSET_HZ**4)
    centred = np.fft.irfft(np.fft.rfft(padded) * gain, length)
    return centred[_SETTLED : _SETTLED + waveform.size].astype(np.float32)


def _quick_length(length: int) -> int:
    """Return a length that is transformed quickly: one with a large prime takes far longer.

    Units: samples.
    """
    step = 1 << max(0, length.bit_length() - _QUICK_BITS)
    return -(-length // step) * step


def _fade(waveform: Waveform) -> Waveform:
    length = min(_FADE, waveform.size // 2)
    if not length:
        return np.zeros_like(waveform)
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(length) / length)).astype(np.float32)
    faded = waveform.copy()
    faded[:length] *= ramp
    faded[-length:] *= ramp[::-1]
    return faded
