"""How each lossy format is encoded in parts: the encoder, and what a seam needs.

A part has an encoder of its own. Its first packets are dropped, because the encoder starts there
from nothing; at a seam, silence or some real sound on either side makes up for what an encoder
remembers and looks ahead. The counts were found by encoding speech in parts and in one go and
comparing what independent decoders make of both.
"""

import struct
from dataclasses import dataclass, field

import av

from narration.mp4 import aac
from worker.assembly.types import AudioFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """An encoder and its packets.   Units: samples at 24 kHz, packets."""

    name: str
    bit_rate: int
    bit_rate_after_lead: int  # of a part that begins amid sound, where an encoder does less well
    packet: int  # samples a packet
    delay: int  # samples by which decoded sound lags behind what was encoded
    dropped: int  # packets an encoder needs before its output can follow other packets
    quiet_before: int  # samples of silence that the last kept packet needs before a seam
    lead: int  # packets of real sound to encode before a seam without silence, on top of `dropped`
    tail: int  # packets of real sound to encode after it
    options: dict[str, str] = field(default_factory=dict)
    config: bytes = b""  # what a decoder must know beforehand, where the packets do not say it

    @property
    def quiet(self) -> int:
        """Silence within which a part may begin on a grid of its own.

        Beside what the encoders need there is room for moving both parts to the packet grid.
        """
        return self.quiet_before + (self.dropped + 2) * self.packet

    def identity(self) -> str:
        """Tell encoders apart that may give other bytes for the same sound."""
        versions = av.library_versions
        libraries = ".".join(str(n) for name in ("libavcodec", "libavutil") for n in versions[name])
        options = ",".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        return "/".join(
            (self.name, str(self.bit_rate), str(self.bit_rate_after_lead), options, libraries)
        )


# 64 kbit/s AAC is transparent for one voice at 24 kHz. The fast coder runs at 500 times real time
# on a core instead of 150.
AAC = Codec(
    name="aac",
    bit_rate=aac.BIT_RATE,
    # Its psychoacoustic model takes half a minute to settle. With 3 % more the error is that of an
    # encoder under way.
    bit_rate_after_lead=66_000,
    packet=aac.PACKET,
    delay=aac.DELAY,
    dropped=1,
    quiet_before=1024,
    lead=4,
    tail=2,
    options={"aac_coder": "fast"},
    config=aac.CONFIG,
)
# Without a reservoir: a frame that borrows bits from the one before it cannot follow another.
MP3 = Codec(
    name="libmp3lame",
    bit_rate=64_000,
    bit_rate_after_lead=64_000,
    packet=576,
    delay=1105,
    dropped=2,
    quiet_before=1105,
    lead=4,
    tail=2,
    options={"reservoir": "0"},
)
# The encoder chooses between its two ways of coding by what it has heard. A decoder that is
# switched over unprepared is wrong for 100 ms, so the lead is as long as the choice takes: 3 s.
OPUS = Codec(
    name="libopus",
    bit_rate=40_000,
    bit_rate_after_lead=40_000,
    packet=480,
    delay=156,
    dropped=1,
    quiet_before=480,
    lead=150,
    tail=2,
    config=b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 24_000, 0, 0),  # RFC 7845, 5.1
)
CODECS = {
    AudioFormat.M4A: AAC,
    AudioFormat.M4B: AAC,
    AudioFormat.MP3: MP3,
    AudioFormat.OPUS: OPUS,
}
