"""An independent meter: libav's ebur128."""

from fractions import Fraction

import av
import numpy as np

from narration.sound.waveform import Waveform
from worker.chatterbox.config import SAMPLE_RATE_HZ


def meter(sound: Waveform) -> tuple[float, float]:
    """Return integrated loudness in LUFS and true peak in dB."""
    graph = av.filter.Graph()
    clock = Fraction(1, SAMPLE_RATE_HZ)
    source = graph.add_abuffer(
        sample_rate=SAMPLE_RATE_HZ, format="flt", layout="mono", time_base=clock
    )
    measure, sink = graph.add("ebur128", "metadata=1:peak=true"), graph.add("abuffersink")
    source.link_to(measure)
    measure.link_to(sink)
    graph.configure()
    values: dict[str, str] = {}
    for start in range(0, sound.size, SAMPLE_RATE_HZ):
        block = np.ascontiguousarray(sound[start : start + SAMPLE_RATE_HZ])[None, :]
        frame = av.AudioFrame.from_ndarray(block, format="flt", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE_HZ, clock, start
        source.push(frame)
        values |= _drain(sink)
    source.push(None)
    values |= _drain(sink)
    peak = float(values["lavfi.r128.true_peak"])
    return float(values["lavfi.r128.I"]), 20 * float(np.log10(peak))


def _drain(sink: av.filter.context.FilterContext) -> dict[str, str]:
    values: dict[str, str] = {}
    while True:
        try:
            values = sink.pull().metadata
        except (av.BlockingIOError, av.EOFError):
            return values
