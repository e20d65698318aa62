import json
from pathlib import Path

import pytest

from rhapsode.cli import run


@pytest.fixture(autouse=True)
def _data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_DATA_DIR", str(tmp_path))


def test_a_key_is_made_listed_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "create", "ci", "--owner", "ann", "--scope", "read", "--days", "30"]) == 0
    result = capsys.readouterr()
    assert result.out.startswith("rhapsode_key_")
    assert len(result.out.splitlines()) == 1  # nothing else, so that a script can capture it
    assert run(["keys", "list", "--json"]) == 0
    listed = capsys.readouterr().out
    assert result.out.strip() not in listed
    [key] = json.loads(listed)
    assert (key["owner"], key["name"], key["scopes"]) == ("ann", "ci", ["read"])
    assert key["expires_at"] > key["created_at"]
    assert run(["keys", "revoke", key["id"]]) == 0
    assert "is revoked" in capsys.readouterr().out
    assert run(["keys", "list"]) == 0
    table = capsys.readouterr().out
    assert f"{key['id']}  ann" in table
    assert "revoked 20" in table


def test_the_usual_key_does_all_but_manage_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["keys", "create", "mine", "--streams", "2", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["owner"], result["scopes"]) == ("local", ["submit", "read", "voices"])
    assert result["limits"]["streams"] == 2
    assert result["secret"].startswith("rhapsode_key_")


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["create", ""], "NAME: "),
        (["create", "a", "--owner", "a/b"], "--owner: "),
        (["revoke", "key_1"], "rhapsode keys list"),
        (["revoke", f"key_{'0' * 26}"], "there is no key"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str], output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["keys", *arguments]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert output in line
