"""Files that cannot be written are refused in a line, and a failure leaves nothing behind."""

from io import BytesIO
from pathlib import Path

import pytest

from narration.errors import OutputError
from narration.jobs.request import OutputFormat
from rhapsode.outputs import (
    Output,
    check_outputs,
    copy_whole,
    make_folder,
    place_of,
    visible_paths,
)


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


def test_files_of_chapters_go_into_a_folder_named_as_the_output(tmp_path: Path) -> None:
    output = Output(path=tmp_path / "tale.mp3", format=OutputFormat.MP3)
    path = place_of(output, "01-One.mp3", is_split=True)
    make_folder(path)
    path.write_bytes(b"")
    assert path == tmp_path / "tale" / "01-One.mp3"
    assert place_of(output, "audio.mp3", is_split=False) == output.path
    assert [told.path for told in visible_paths([output], is_split=True)] == [path.parent]


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "tale").write_text("")
    with pytest.raises(OutputError, match="tale"):
        make_folder(tmp_path / "tale" / "01-One.mp3")
