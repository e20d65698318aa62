"""How each lossy format is encoded in parts: the encoder, and what a seam needs.

Each part has its own encoder. Its first packets are dropped, because an encoder starts without
history; at a seam, silence or some real sound on either side replaces the history and the
look-ahead. The counts were measured: speech was encoded in parts and in one go, and the outputs of
independent decoders were compared.
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
    bit_rate_after_lead: int  # for parts that start within sound, where an encoder does less well
    packet: int  # samples a packet
    delay: int  # samples by which decoded sound lags behind the input
    dropped: int  # packets that an encoder needs before its output can follow another encoder's
    quiet_before: int  # samples of silence that the last kept packet needs before a seam
    lead: int  # packets of real sound to encode before a seam without silence, on top of `dropped`
    tail: int  # packets of real sound to encode after it
    options: dict[str, str] = field(default_factory=dict)
    config: bytes = b""  # decoder configuration that the packets do not contain

    @property
    def quiet(self) -> int:
        """Silence within which a part may start on its own packet grid.

        It covers what the encoders need and the shift of both parts to the packet grid.
        """
        return self.quiet_before + (self.dropped + 2) * self.packet

    def identity(self) -> str:
        """Identify encoders that may produce different bytes for the same sound."""
        versions = av.library_versions
        libraries = ".".join(str(n) for name in ("libavcodec", "libavutil") for n in versions[name])
        options = ",".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        return "/".join(
            (self.name, str(self.bit_rate), str(self.bit_rate_after_lead), options, libraries)
        )


# 64 kbit/s AAC is transparent for one voice at 24 kHz. On one core the fast coder runs at 500 times
# real time, the default one at 150.
AAC = Codec(
    name="aac",
    bit_rate=aac.BIT_RATE,
    # Its psychoacoustic model takes half a minute to settle. 3 % more bits bring the error down to
    # that of a settled encoder.
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
# No bit reservoir: a frame that borrows bits from its predecessor could not follow another frame.
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
# The encoder chooses between its two coding modes by what it has heard. A decoder that meets the
# other mode at a seam is wrong for 100 ms, so the lead-in is as long as the choice takes: 3 s.
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
