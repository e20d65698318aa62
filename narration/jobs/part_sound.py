"""What listeners hear of a job's parts: where each lies in one stream of AAC packets; pure.

A part is stored with more packets than are played: silence for every position that the next part
may have on the packet grid. Where a part begins depends on earlier parts only, so a stream can be
laid out while the rest is still being spoken, and does not change later.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from narration.mp4.aac import DELAY, PACKET

SEGMENT_PACKETS = 140  # just under six seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSound:
    """The AAC of a part: its packets as stored, and how long its chunks are with their pauses.

    The part after one that ends its run begins on a new packet grid, in silence.
    """

    sha256: str
    samples: int
    packets: int
    ends_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A few seconds of a part: its packets [start, stop), placed at `at` in the stream."""

    number: int
    part: int
    piece: int
    sha256: str
    start: int
    stop: int
    at: int

    @property
    def packets(self) -> int:
        """The number of packets."""
        return self.stop - self.start


def lay_out(sounds: Sequence[PartSound], *, is_complete: bool) -> list[Segment]:
    """Cut the leading parts of a job into segments; `is_complete` if these are all its parts.

    Source: worker.assembly.parts.plans.place_parts, which lays out the finished files.
    """
    segments: list[Segment] = []
    at = samples = 0
    for part, sound in enumerate(sounds):
        samples += sound.samples
        played = sound.packets
        if sound.ends_run:
            is_last = is_complete and part == len(sounds) - 1
            end = -(-(samples + DELAY) // PACKET) if is_last else (samples + PACKET // 2) // PACKET
            played = min(played, max(end - at, 0))
        count = -(-played // SEGMENT_PACKETS)
        cuts = [played * number // count for number in range(count)] + [played]
        for number in range(count):
            segments.append(
                Segment(
                    number=len(segments),
                    part=part,
                    piece=number,
                    sha256=sound.sha256,
                    start=cuts[number],
                    stop=cuts[number + 1],
                    at=at + cuts[number],
                )
            )
        at += played
    return segments
