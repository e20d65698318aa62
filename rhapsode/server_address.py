"""The address of a server, and the key for it, checked where they are read."""

import httpx

from narration.errors import SettingsError

MAX_PORT = 65_535


def require_server_url(url: str, source: str) -> None:
    """Check that requests can be sent to a server; `source` is the option or setting that names it.

    Raises: SettingsError.
    """
    if not _is_server_url(url):
        raise SettingsError(
            f"{source}: {url!r} is not the address of a server: write one like "
            "https://rhapsode.example.org or http://127.0.0.1:8000"
        )


def require_key(key: str | None, source: str) -> None:
    """Check that a key can be sent in a header; `source` is the setting that holds it.

    Raises: SettingsError.
    """
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise SettingsError(
            f"{source} has characters that no key has: copy the key again, without line breaks"
        )


def _is_server_url(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
        parsed.host.encode("idna")  # as it will be looked up
    except (httpx.InvalidURL, UnicodeError):
        return False
    is_whole = parsed.scheme in {"http", "https"} and bool(parsed.host)
    is_port = parsed.port is None or 1 <= parsed.port <= MAX_PORT
    return is_whole and is_port and not parsed.query and not parsed.fragment
