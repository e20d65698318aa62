"""A server's address and key are refused where they are read, not after two minutes of tries."""

from pathlib import Path

import pytest

from narration.errors import SettingsError
from rhapsode.cli import run
from rhapsode.exit_codes import EXIT_REFUSED
from rhapsode.server_address import require_key, require_server_url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://[::1",
        "ftp://host",
        "127.0.0.1:8000",
        "localhost:8000",
        "http://",
        "http://host:99999",
        "http://host:-1",
        "http://host:port",
        "http://a..b",
        "http://host\n",
        "http://host/?page=1",
    ],
)
def test_what_is_no_address_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^--server: .* is not the address of a server"):
        require_server_url(url, "--server")


@pytest.mark.parametrize("url", ["http://[::1]:80", "HTTPS://host/books/", "http://bücher.example"])
def test_an_address_of_a_server_is_taken(url: str) -> None:
    require_server_url(url, "--server")


@pytest.mark.parametrize("key", ["clé", "two\nlines", "two words"])
def test_a_key_that_no_header_can_hold_is_refused(key: str) -> None:
    with pytest.raises(SettingsError, match=r"^RHAPSODE_CLIENT__KEY has characters"):
        require_key(key, "RHAPSODE_CLIENT__KEY")


@pytest.mark.parametrize("is_option", [True, False])
def test_submit_names_where_a_wrong_address_is_from(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    is_option: bool,
) -> None:
    monkeypatch.setenv("RHAPSODE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("RHAPSODE_CLIENT__SERVER", "http://[::1")
    options = ["--server", "ftp://x"] if is_option else []
    assert run(["submit", "README.md", "-o", str(tmp_path / "x.mp3"), *options]) == EXIT_REFUSED
    (line,) = capsys.readouterr().err.splitlines()
    source = "--server: 'ftp://x'" if is_option else "RHAPSODE_CLIENT__SERVER: 'http://[::1'"
    assert line.startswith(f"rhapsode: {source} is not the address of a server")
