"""A live HLS playlist of the spoken part of a job; it is complete once the job has ended.

Source: RFC 8216 and draft-pantos-hls-rfc8216bis (EVENT playlists, EXT-X-MAP, EXT-X-START).
"""

import math
from collections.abc import Callable

from narration.jobs.listen import Stream
from narration.jobs.part_sound import SEGMENT_PACKETS
from narration.mp4.aac import PACKET, RATE_HZ

MEDIA_TYPE = "application/vnd.apple.mpegurl"
TARGET_S = math.ceil(SEGMENT_PACKETS * PACKET / RATE_HZ)


def write_playlist(stream: Stream, init_url: str, segment_url: Callable[[int, int], str]) -> str:
    """Return the playlist; `segment_url` returns the address of a part's segment.

    Players start a live playlist near its end unless told otherwise. Segments contain their times
    and are contiguous to the sample, so there are no discontinuities.
    """
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{TARGET_S}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:EVENT",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        "#EXT-X-START:TIME-OFFSET=0,PRECISE=YES",
        f'#EXT-X-MAP:URI="{init_url}"',
    ]
    for segment in stream.segments:
        lines.append(f"#EXTINF:{segment.packets * PACKET / RATE_HZ:.6f},")
        lines.append(segment_url(segment.part, segment.piece))
    if stream.is_ended:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"
