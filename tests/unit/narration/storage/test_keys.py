import pytest

from narration.errors import OutputError
from narration.storage.keys import artifact_folder, check_prefix, is_of_try_up_to, manifest_key


def test_tries_of_one_job_do_not_share_a_folder() -> None:
    folders = {
        artifact_folder("p", "job_1", attempt=attempt, fence=fence)
        for attempt in (1, 2)
        for fence in (1, 2)
    }
    assert len(folders) == 4


def test_manifest_lies_at_the_same_place_whoever_writes_it() -> None:
    assert manifest_key("books/42", "job_1") == "books/42/job_1/manifest.json"
    assert manifest_key("", "job_1") == "job_1/manifest.json"


@pytest.mark.parametrize("prefix", ["", "a", "a/b", "/a/b/", "Bücher/2026 (neu)"])
def test_plain_prefix_is_kept_without_outer_slashes(prefix: str) -> None:
    assert check_prefix(prefix) == prefix.strip("/")


@pytest.mark.parametrize(
    "prefix", ["..", "a/../b", "./a", "a//b", "a\\b", "a\x00b", "a\nb", "x" * 600]
)
def test_prefix_that_leads_astray_is_refused(prefix: str) -> None:
    with pytest.raises(OutputError):
        check_prefix(prefix)


def test_each_delivery_has_a_manifest_of_its_own() -> None:
    assert manifest_key("books/42", "job_1", 2) == "books/42/job_1/manifest-2.json"


@pytest.mark.parametrize(
    ("name", "is_left"),
    [
        ("1-6/audio.mp3", True),
        ("1-7/audio.mp3", True),
        ("1-8/audio.mp3", False),
        ("manifest.json", True),
        ("manifest-2.json", True),
        ("manifest-3.json", False),
        ("1-6/folder/audio.mp3", False),
        ("notes.txt", False),
    ],
)
def test_only_what_this_and_earlier_tries_wrote_is_left_over(name: str, *, is_left: bool) -> None:
    key = f"books/job_1/{name}"
    assert is_of_try_up_to(key, "books", "job_1", fence=7, revision=3) is is_left
    assert not is_of_try_up_to(key, "books", "job_2", fence=7, revision=3)
