"""The AAC settings of this project, and the init segment before a stream's first fragment.

Source: ISO/IEC 14496-12 (movie fragments, edit lists), 14496-3 (the configuration of a decoder).
"""

import struct

from narration.mp4 import boxes
from narration.mp4.boxes import box, full_box

RATE_HZ = 24_000
PACKET = 1024  # samples
DELAY = 1024  # samples by which decoded sound is delayed
BIT_RATE = 64_000
CONFIG = bytes.fromhex("130856e500")  # AAC-LC, 24 kHz, mono, no band replication
TRACK = 1
_DECODABLE_ALONE = 0x02000000


def init_segment() -> bytes:
    """Return what precedes the fragments of a stream that begins with the programme.

    Its edit list makes players skip the encoder's delay, so that time 0 is the first sample.
    """
    brands = box(b"ftyp", b"iso6", bytes(4), b"iso6mp41")
    table = box(
        b"stbl",
        boxes.aac_entry(CONFIG, rate_hz=RATE_HZ, bit_rate=BIT_RATE),
        full_box(b"stts", bytes(4)),
        full_box(b"stsc", bytes(4)),
        full_box(b"stsz", bytes(8)),
        full_box(b"stco", bytes(4)),
    )
    media = box(
        b"mdia",
        boxes.media_header(RATE_HZ, 0),
        boxes.handler(b"soun", b"SoundHandler"),
        box(b"minf", full_box(b"smhd", bytes(4)), boxes.data_reference(), table),
    )
    track = box(
        b"trak", boxes.track_header(TRACK, 0, is_sound=True), boxes.edit_list(0, DELAY), media
    )
    defaults = struct.pack(">IIIII", TRACK, 1, PACKET, 0, _DECODABLE_ALONE)
    extends = box(b"mvex", full_box(b"trex", defaults))
    return brands + box(b"moov", boxes.movie_header(RATE_HZ, 0, tracks=1), track, extends)
