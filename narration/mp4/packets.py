"""A run of encoded packets, and the fragment in which it is stored.

A fragment is one `moof` and one `mdat` of a fragmented MP4 file. With `init_segment` in front, AAC
fragments are a stream that players accept; MP3 and Opus packets use the same container. A stored
fragment begins at time 0, so that it does not depend on what comes before it.

Source: ISO/IEC 14496-12, movie fragments.
"""

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from narration.errors import OutputError
from narration.mp4.boxes import box, find_boxes, full_box

_DEFAULT_BASE_IS_MOOF, _DEFAULT_DURATION, _DEFAULT_FLAGS = 0x020000, 0x000008, 0x000020
_DATA_OFFSET, _SAMPLE_SIZES = 0x000001, 0x000200
_EVERY_PACKET_STANDS_ALONE = 0x02000000
_TRUN_HEADER = 12  # version and flags, number of samples, offset of the data


@dataclass(frozen=True, slots=True, kw_only=True)
class Packets:
    """Packets in order: their sizes in bytes, and their concatenated bytes."""

    sizes: npt.NDArray[np.uint32]
    data: memoryview

    def head(self, count: int) -> "Packets":
        """Return the first `count` packets."""
        return self.slice(0, count)

    def slice(self, start: int, stop: int) -> "Packets":
        """Return the packets from number `start` up to `stop`."""
        before, sizes = int(self.sizes[:start].sum()), self.sizes[start:stop]
        return Packets(sizes=sizes, data=self.data[before : before + int(sizes.sum())])


def write_fragment(packets: Packets, duration: int, *, sequence: int = 1, time: int = 0) -> bytes:
    """Write packets of `duration` samples each as fragment `sequence`, starting at `time`."""
    header = full_box(b"mfhd", struct.pack(">I", sequence))
    track = full_box(
        b"tfhd",
        struct.pack(">III", 1, duration, _EVERY_PACKET_STANDS_ALONE),
        flags=_DEFAULT_BASE_IS_MOOF | _DEFAULT_DURATION | _DEFAULT_FLAGS,
    )
    clock = full_box(b"tfdt", struct.pack(">Q", time), version=1)
    count = len(packets.sizes)
    before = 8 + len(header) + 8 + len(track) + len(clock)
    run_size = 8 + _TRUN_HEADER + 4 * count
    run = full_box(
        b"trun",
        struct.pack(">Ii", count, before + run_size + 8),
        packets.sizes.astype(">u4").tobytes(),
        flags=_DATA_OFFSET | _SAMPLE_SIZES,
    )
    moof = box(b"moof", header, box(b"traf", track, clock, run))
    return moof + box(b"mdat", bytes(packets.data))


def read_fragment(data: bytes) -> Packets:
    """Read the packets of a stored fragment.

    Raises: OutputError if it is damaged.
    """
    try:
        boxes = dict(find_boxes(memoryview(data)))
        track = dict(find_boxes(dict(find_boxes(boxes[b"moof"]))[b"traf"]))
        sizes = np.frombuffer(track[b"trun"][_TRUN_HEADER:], dtype=">u4").astype(np.uint32)
        payload = boxes[b"mdat"]
    except (KeyError, ValueError) as error:
        raise OutputError(
            f"a stored part of {len(data):,} bytes is damaged ({error}): encode it again"
        ) from error
    if int(sizes.sum()) != len(payload):
        raise OutputError(
            f"a stored part holds {len(payload):,} bytes of packets instead of "
            f"{int(sizes.sum()):,}: encode it again"
        )
    return Packets(sizes=sizes, data=payload)
