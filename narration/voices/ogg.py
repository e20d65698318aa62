"""Check that an Ogg file does not end within a page: decoders play what is there, without an error.

A missing mark on the last page proves nothing: recorders of phones and browsers leave it out.
Source: RFC 3533, the pages of Ogg.
"""

import zlib

_CAPTURE = b"OggS"
_HEADER_BYTES = 27  # without the table of segments
_CHECKSUM = slice(22, 26)
# The checksum takes the bits of a byte from the other end than zlib's.
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def is_ogg(data: bytes) -> bool:
    """Return whether a file is Ogg."""
    return data.startswith(_CAPTURE)


def is_cut_short(ogg: bytes) -> bool:
    """Return whether an Ogg file ends within a page.

    Raises: ValueError if a page is damaged; the message says where.
    """
    position = 0
    while position < len(ogg):
        page = _page(ogg, position)
        if page is None:  # what follows the last page belongs to no stream
            return _CAPTURE.startswith(ogg[position : position + len(_CAPTURE)])
        position += len(page)
    return False


def _page(ogg: bytes, position: int) -> bytes | None:
    """Return the page at a position; None if there is none, or not all of it."""
    header = ogg[position : position + _HEADER_BYTES]
    if len(header) < _HEADER_BYTES or not header.startswith(_CAPTURE):
        if ogg.find(_CAPTURE, position + 1) > 0:
            raise ValueError(f"there is no page at byte {position:,}, where one should begin")
        return None
    body = position + _HEADER_BYTES + header[26]
    end = body + sum(ogg[position + _HEADER_BYTES : body])
    if end > len(ogg):
        return None
    page = ogg[position:end]
    if int.from_bytes(page[_CHECKSUM], "little") != _checksum(page):
        raise ValueError(f"the page at byte {position:,} does not have its checksum")
    return page


def _checksum(page: bytes) -> int:
    blank = page[: _CHECKSUM.start] + bytes(4) + page[_CHECKSUM.stop :]
    mirrored = zlib.crc32(blank.translate(_MIRRORED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{mirrored:032b}"[::-1], 2)
