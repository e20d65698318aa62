import os
from pathlib import Path

import pytest

from narration.errors import SettingsError
from narration.settings import DirectoryProfile, S3Profile, load_settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("RHAPSODE_"):
            monkeypatch.delenv(name)


def test_nothing_set_means_one_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_DATA_DIR", str(tmp_path))
    settings = load_settings()
    assert settings.database_url == f"sqlite:///{tmp_path}/rhapsode.db"
    assert settings.broker.url is None
    assert settings.storage.profiles == {"default": DirectoryProfile()}


def test_nested_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_DATABASE__URL", "postgresql://db/rhapsode")
    monkeypatch.setenv("RHAPSODE_WORKER__SLOTS", "7")
    monkeypatch.setenv("RHAPSODE_STORAGE__PROFILES__DEFAULT__KIND", "s3")
    monkeypatch.setenv("RHAPSODE_STORAGE__PROFILES__DEFAULT__BUCKET", "audio")
    settings = load_settings()
    assert (settings.database_url, settings.worker.slots) == ("postgresql://db/rhapsode", 7)
    profile = settings.storage.profiles["default"]
    assert isinstance(profile, S3Profile)
    assert profile.bucket == "audio"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RHAPSODE_DATABSE__URL", "x", "RHAPSODE_DATABSE__URL is not a setting"),
        ("RHAPSODE_DATABASE__ULR", "x", "RHAPSODE_DATABASE__ULR"),
        ("RHAPSODE_WORKER__SLOTS", "none", "RHAPSODE_WORKER__SLOTS"),
        ("RHAPSODE_WORKER__LEASE_S", "1", "three times heartbeat_s"),
        ("RHAPSODE_STORAGE__WORK_PROFILE", "attic", "attic"),
    ],
)
def test_setting_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=message):
        load_settings()


def test_keys_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_API__KEYS", '{"ann": "very-secret"}')
    assert "very-secret" not in repr(load_settings())


def test_admins_are_owners_with_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RHAPSODE_API__KEYS__ANN", "one")
    monkeypatch.setenv("RHAPSODE_API__ADMINS", "ann, ")
    assert load_settings().api.admin_owners == {"ann"}
    monkeypatch.setenv("RHAPSODE_API__ADMINS", "ann,amn")
    with pytest.raises(SettingsError, match="amn, who have no key"):
        load_settings()
