"""How long sound files say in their headers that they are, in bytes.

Programs that write into a pipe do not know the length yet, and put zero or as much as fits.

Sources: RIFF; RF64, EBU Tech 3306; AIFF-C; Sony Wave64; Apple Core Audio Format.
"""

_UNKNOWN_BYTES = 0x7FFF_0000  # programs that write into a pipe put such sizes
_UNKNOWN_LONG_BYTES = 1 << 62
_WAVE64 = b"riff\x2e\x91\xcf\x11"
_CAF_CHUNKS_AT, _CAF_CHUNK_HEADER = 8, 12


def promised_share(data: bytes) -> float:
    """Return by how much longer than it is a file says it is; 1 where it was not known or is so."""
    return max(1.0, (_promised_bytes(data) or 0) / len(data))


def _promised_bytes(data: bytes) -> int | None:
    if data.startswith(b"RIFF"):
        return _known(int.from_bytes(data[4:8], "little"), 8, _UNKNOWN_BYTES)
    if data.startswith(b"FORM"):
        return _known(int.from_bytes(data[4:8], "big"), 8, _UNKNOWN_BYTES)
    if data.startswith(b"RF64") and data[12:16] == b"ds64":
        return _known(int.from_bytes(data[20:28], "little"), 8, _UNKNOWN_LONG_BYTES)
    if data.startswith(_WAVE64):
        return _known(int.from_bytes(data[16:24], "little"), 0, _UNKNOWN_LONG_BYTES)
    return _promised_by_caf(data) if data.startswith(b"caff") else None


def _promised_by_caf(data: bytes) -> int | None:
    start = _CAF_CHUNKS_AT
    while start + _CAF_CHUNK_HEADER <= len(data):
        size = int.from_bytes(data[start + 4 : start + _CAF_CHUNK_HEADER], "big")
        if data.startswith(b"data", start):
            return _known(size, start + _CAF_CHUNK_HEADER, _UNKNOWN_LONG_BYTES)
        start += _CAF_CHUNK_HEADER + size
    return None


def _known(size: int, before: int, unknown: int) -> int | None:
    return size + before if 0 < size < unknown else None
