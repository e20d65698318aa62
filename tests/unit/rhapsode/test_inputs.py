"""No file fills the memory before it is refused."""

import os
from pathlib import Path

import pytest

from narration.errors import DocumentError
from rhapsode.inputs import read_input


def test_a_file_at_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"12345")
    assert read_input(tmp_path / "a.txt", 5) == b"12345"


def test_a_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.txt"
    path.touch()
    os.truncate(path, 1 << 40)  # larger than any memory, and sparse on the disk
    with pytest.raises(DocumentError, match=r"huge\.txt has 1,099,511,627,776 bytes but the limit"):
        read_input(path, 5)


@pytest.mark.parametrize("name", ["/dev/zero", "/proc"])
def test_what_is_no_regular_file_is_refused(name: str) -> None:
    with pytest.raises(DocumentError, match=f"{name} is not a regular file"):
        read_input(Path(name), 5)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"nowhere\.txt cannot be read"):
        read_input(tmp_path / "nowhere.txt", 5)
