import pytest

from narration.errors import OutputError
from narration.storage.keys import artifact_folder, check_prefix, manifest_key


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
