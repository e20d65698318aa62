import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from narration.errors import OutputError
from narration.mp4.packets import Packets, read_fragment, write_fragment


def _packets(*contents: bytes) -> Packets:
    sizes = np.array([len(content) for content in contents], dtype=np.uint32)
    return Packets(sizes=sizes, data=memoryview(b"".join(contents)))


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_packets_come_back_as_they_were_stored(contents: list[bytes]) -> None:
    found = read_fragment(write_fragment(_packets(*contents), 1024))
    assert found.sizes.tolist() == [len(content) for content in contents]
    assert bytes(found.data) == b"".join(contents)


def test_the_first_packets_can_be_taken() -> None:
    head = _packets(b"one", b"", b"three").head(2)
    assert bytes(head.data) == b"one"
    assert head.sizes.tolist() == [3, 0]


@given(st.integers(0, 200), st.binary(max_size=8))
def test_bytes_cut_short_are_refused(cut: int, junk: bytes) -> None:
    whole = write_fragment(_packets(b"one", b"three" * 9), 1024)
    damaged = (whole[:cut] + junk)[: len(whole) - 1]
    with pytest.raises(OutputError, match="encode it again"):
        read_fragment(damaged)
