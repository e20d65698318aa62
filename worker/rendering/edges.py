"""A chunk's edges: silence cut to a margin, no offset, no click where it meets its neighbour."""

import numpy as np

from narration.sound.waveform import Waveform
from worker.chatterbox.config import SAMPLE_RATE_HZ

_FRAME = SAMPLE_RATE_HZ // 100  # 10 ms
_FLOOR = 10 ** (-60 / 20)  # quieter than this is silence in any recording
_BELOW_LOUDEST = 10 ** (-40 / 20)  # breaths and soft consonants lie above, vocoder hiss below
_LEAD = SAMPLE_RATE_HZ * 40 // 1000  # kept before speech: the onset of a soft consonant
_TAIL = SAMPLE_RATE_HZ * 80 // 1000  # kept after it: the decay of the last sound
_FADE = SAMPLE_RATE_HZ * 5 // 1000  # long enough to hide a step, too short to hear
_OFFSET_HZ = 20.0  # what is slower is no sound
_SETTLED = SAMPLE_RATE_HZ // 4  # by then a step's echo has died away


def trim_edges(waveform: Waveform) -> Waveform:
    """Cut silence at both ends to a margin, take out the offset and fade the ends to zero.

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
    """First and last sample of what is not silence, to 10 ms; (0, 0) if all is."""
    loud = np.flatnonzero(is_loud(frame_levels(waveform, _FRAME)))
    if not loud.size:
        return 0, 0
    return int(loud[0]) * _FRAME, min((int(loud[-1]) + 1) * _FRAME, waveform.size)


def frame_levels(waveform: Waveform, frame: int) -> Waveform:
    """Root mean square of each frame.

    Shapes: (S,) -> (ceil(S / frame),); the last frame is filled up with zeros.
    """
    frames = -(-waveform.size // frame)
    padded = np.zeros(frames * frame, dtype=np.float32)
    padded[: waveform.size] = waveform
    levels: Waveform = np.sqrt(np.square(padded.reshape(frames, frame)).mean(axis=1))
    return levels


def is_loud(levels: Waveform) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Tell frames with sound from silence, by a floor and by the loudest of them."""
    loudest = float(levels.max(initial=0.0))
    return levels > max(_FLOOR, loudest * _BELOW_LOUDEST)


def _take_out_offset(waveform: Waveform) -> Waveform:
    """Take out what is too slow to hear, without a shift in time.

    The mean is not enough: some voices have an offset while they speak and none in their pauses,
    where subtracting the mean would put one.
    """
    length = waveform.size + 2 * _SETTLED
    # Mirrored ends, so that an offset throughout leaves no step at either.
    padded = np.pad(waveform, _SETTLED, mode="symmetric")
    hz = np.fft.rfftfreq(length, 1 / SAMPLE_RATE_HZ)
    gain = hz**4 / (hz**4 + _OFFSET_HZ**4)
    centred = np.fft.irfft(np.fft.rfft(padded) * gain, length)
    return centred[_SETTLED:-_SETTLED].astype(np.float32)


def _fade(waveform: Waveform) -> Waveform:
    length = min(_FADE, waveform.size // 2)
    if not length:
        return np.zeros_like(waveform)
    ramp = (0.5 - 0.5 * np.cos(np.pi * np.arange(length) / length)).astype(np.float32)
    faded = waveform.copy()
    faded[:length] *= ramp
    faded[-length:] *= ramp[::-1]
    return faded
