import errno
from pathlib import Path

import pytest

from narration.errors import CheckpointError, NotFoundError, OutputError, TransientError
from worker.chatterbox.download import explain, matches
from worker.chatterbox.hub import (
    DEMO_FOLDER,
    MODELS,
    NEEDED,
    bring,
    list_models,
    pull,
    resolve_model,
    verify,
)


def test_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert resolve_model(tmp_path) == tmp_path
    assert resolve_model(str(tmp_path)) == tmp_path


def test_unknown_model_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="models are demo, english"):
        resolve_model(tmp_path / "french")
    with pytest.raises(NotFoundError, match="pull one of english"):
        pull("french")


def test_a_file_is_not_a_model(tmp_path: Path) -> None:
    path = tmp_path / "t3_cfg.safetensors"
    path.touch()
    with pytest.raises(NotFoundError, match="no model and no folder"):
        resolve_model(path)


def test_every_model_is_listed_with_its_revision() -> None:
    listed = {status.name: status.source for status in list_models()}
    assert list(listed) == ["demo", *MODELS]
    assert listed["english"] == "ResembleAI/chatterbox@1b475dff"


def test_revisions_are_commits() -> None:
    for model in MODELS.values():
        assert len(model.revision) == 40
        assert int(model.revision, 16)


def test_digests_of_both_kinds_are_recognised(tmp_path: Path) -> None:
    path = tmp_path / "greeting"
    path.write_bytes(b"hello\n")
    # As `git hash-object` and `sha256sum` print them.
    assert matches(path, "ce013625030ba8dba906f756967f9e9ca394464a")
    assert matches(path, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")
    assert not matches(path, "ce013625030ba8dba906f756967f9e9ca394464b")


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), OutputError, "no room for t3"),
        (PermissionError(errno.EACCES, "Permission denied"), OutputError, "Permission denied"),
        (TimeoutError("timed out"), TransientError, "what has arrived is kept"),
    ],
)
def test_failure_says_what_to_do(error: Exception, kind: type[Exception], says: str) -> None:
    explained = explain(error, "t3")
    assert isinstance(explained, kind)
    assert says in str(explained)


def test_folder_with_a_record_can_be_verified(tmp_path: Path) -> None:
    (tmp_path / "greeting").write_bytes(b"hello\n")
    digest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  greeting\n")
    assert verify(str(tmp_path)) == tmp_path
    (tmp_path / "greeting").write_bytes(b"hallo\n")
    with pytest.raises(CheckpointError, match="greeting of model"):
        verify(str(tmp_path))
    (tmp_path / "greeting").unlink()
    with pytest.raises(CheckpointError, match="greeting of model"):
        verify(str(tmp_path))


def test_folder_without_a_record_cannot_be_verified(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="has no SHA256SUMS"):
        verify(str(tmp_path))


@pytest.mark.parametrize("wanted", ["demo", str(DEMO_FOLDER)])
def test_what_is_here_and_whole_needs_no_hub(wanted: str) -> None:
    assert bring(wanted) == DEMO_FOLDER


def test_folder_that_is_not_whole_is_refused_by_the_names_it_lacks(tmp_path: Path) -> None:
    for name in NEEDED[:2]:
        (tmp_path / name).touch()
    with pytest.raises(CheckpointError, match=r"lacks ve\.safetensors, tokenizer\.json"):
        bring(str(tmp_path))
