"""Files that cannot be written are refused in a line, and a failure leaves nothing behind."""

from io import BytesIO
from pathlib import Path

import pytest

from narration.errors import OutputError
from rhapsode.outputs import check_outputs, copy_whole


def test_a_name_too_long_for_the_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        check_outputs([tmp_path / f"{'a' * 300}.wav"], None)


def test_a_folder_that_is_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OutputError):
        check_outputs([tmp_path / "loop" / "a.wav"], None)


def test_a_full_disk_is_named_and_keeps_nothing(small_disk: Path) -> None:
    with pytest.raises(OutputError, match=r"a\.wav cannot be written: the disk is full: free"):
        copy_whole(BytesIO(bytes(1 << 20)), small_disk / "a.wav")
    assert list(small_disk.iterdir()) == []
