import struct

import pytest

from tests.joined import join, make_programme
from worker.assembly.types import AudioFormat

_FRAME = 192


def _crc(data: bytes) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc


@pytest.fixture(scope="module")
def info_and_frames(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, int]:
    path = tmp_path_factory.mktemp("mp3") / "a.mp3"
    programme = make_programme([1, 2, 1], 250)
    join(path, programme, [0, 1, 2], AudioFormat.MP3)
    data = path.read_bytes()
    start = data.index(b"Info") - 13
    return data[start : start + _FRAME], data[start + _FRAME :], programme.samples


def test_the_info_frame_counts_frames_and_bytes(
    info_and_frames: tuple[bytes, bytes, int],
) -> None:
    info, frames, _ = info_and_frames
    assert struct.unpack_from(">II", info, 21) == (len(frames) // _FRAME, len(frames) + _FRAME)


def test_the_info_frame_tells_players_what_to_skip(
    info_and_frames: tuple[bytes, bytes, int],
) -> None:
    info, frames, samples = info_and_frames
    skips = int.from_bytes(info[154:157])
    assert skips >> 12 == 576
    assert 576 + samples + (skips & 0xFFF) == len(frames) // _FRAME * 576


def test_the_sums_in_the_info_frame_are_right(info_and_frames: tuple[bytes, bytes, int]) -> None:
    info, frames, _ = info_and_frames
    assert struct.unpack_from(">HH", info, 165) == (
        _crc(frames),
        _crc(info[:167] + bytes(2) + info[169:190]),
    )
