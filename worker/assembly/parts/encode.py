"""Encodes one part's sound with one codec, by an encoder that sees only this part."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

import av
import numpy as np

from narration.errors import IncompletePlanError
from narration.mp4.packets import Packets
from narration.sound.waveform import Waveform, to_int16
from worker.assembly.parts.codecs import Codec
from worker.assembly.parts.plans import PartPlan, Piece
from worker.chatterbox.config import SAMPLE_RATE_HZ

_BLOCK = 64  # packets' worth of samples per call


def encode_part(plan: PartPlan, waveforms: Mapping[int, Waveform], codec: Codec) -> Packets:
    """Encode one part; `waveforms` holds its chunks at their final level."""
    bit_rate = codec.bit_rate if plan.begins_run else codec.bit_rate_after_lead
    context = open_encoder(codec, bit_rate)
    block = _BLOCK * codec.packet
    encoded: list[bytes] = []
    position = 0
    for samples in _blocks(plan.pieces, waveforms, block):
        frame = av.AudioFrame.from_ndarray(to_int16(samples)[None, :], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE_HZ
        frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
        frame.pts = position
        position += samples.size
        encoded += map(bytes, context.encode(frame))
    encoded += map(bytes, context.encode(None))
    packets = encoded[plan.dropped : plan.dropped + plan.packets]
    if len(packets) != plan.packets:
        raise IncompletePlanError(f"the encoder gave {len(packets)} packets of {plan.packets}")
    sizes = np.array([len(packet) for packet in packets], dtype=np.uint32)
    return Packets(sizes=sizes, data=memoryview(b"".join(packets)))


def open_encoder(codec: Codec, bit_rate: int) -> av.AudioCodecContext:
    """Open an encoder that always produces the same bytes for the same sound."""
    context = av.CodecContext.create(codec.name, "w")
    assert isinstance(context, av.AudioCodecContext), "every codec in the table is for sound"
    context.sample_rate = SAMPLE_RATE_HZ
    context.layout = "mono"
    context.bit_rate = bit_rate
    context.options = {**codec.options, "flags": "+bitexact"}
    formats = context.codec.audio_formats
    assert formats is not None, "every encoder of sound has a format"
    context.format = formats[0]
    return context


def _blocks(
    pieces: Sequence[Piece], waveforms: Mapping[int, Waveform], size: int
) -> Iterator[Waveform]:
    """Yield the pieces' samples in blocks of equal size; the last may be shorter."""
    block, filled = np.zeros(size, dtype=np.float32), 0
    for piece in pieces:
        start = piece.start
        while start < piece.stop:
            step = min(piece.stop - start, size - filled)
            if piece.chunk is not None:
                block[filled : filled + step] = waveforms[piece.chunk][start : start + step]
            start, filled = start + step, filled + step
            if filled == size:
                yield block
                block, filled = np.zeros(size, dtype=np.float32), 0
    if filled:
        yield block[:filled]
