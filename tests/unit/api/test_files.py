"""The names that downloaded files have on the client's machine."""

import pytest

from api.files import download_name
from narration.jobs.record import Job


@pytest.mark.parametrize(
    ("title", "name", "expected"),
    [
        ("The Selfish Giant", "audio.m4b", "The Selfish Giant.m4b"),
        ("The Selfish Giant", "captions.vtt", "The Selfish Giant.vtt"),
        ("The Selfish Giant", "002.mp3", "The Selfish Giant - 002.mp3"),
        ("The Selfish Giant", "manifest.json", "manifest.json"),
        ("Frühling", "audio.m4b", "Frühling.m4b"),
        (None, "audio.m4b", "audio.m4b"),
        ("...", "audio.m4b", "audio.m4b"),
        ("../../etc/passwd", "audio.mp3", "etc passwd.mp3"),
        ('What "is" this?\r\nSet-Cookie: a', "audio.mp3", "What is this Set-Cookie a.mp3"),
        ("word " * 100, "audio.mp3", f"{('word ' * 20).strip()}.mp3"),
    ],
)
def test_a_download_is_named_after_its_work(title: str | None, name: str, expected: str) -> None:
    assert download_name(Job(title=title), name) == expected
