"""What a job reads of its document, in every format whose reader skips something."""

import pytest

from narration.api_settings import LimitSettings
from narration.documents.types import Document, SkipReason
from narration.errors import DocumentError
from narration.jobs.document import read_within
from narration.jobs.request import JobSettings
from tests.epubs import make_epub

ENGLISH = "The rain had fallen all night upon the hills, and now it stopped."
PAGE = f"<p>{ENGLISH}</p><pre><code>let x</code></pre><p hidden>A secret.</p>"
SOURCES = [
    ("a.txt", f"{ENGLISH}[1]\n\n[1] A secret.\n\n{ENGLISH}".encode(), "note"),
    ("a.md", f"{ENGLISH}[^1]\n\n[^1]: A secret.\n".encode(), "note"),
    ("b.md", f"{ENGLISH}\n\n```py\nA secret.\n```\n\n{ENGLISH}\n".encode(), "code"),
    ("c.md", f"{ENGLISH}\n\n    A secret.\n\n{ENGLISH}\n".encode(), "code"),
    ("a.html", PAGE.encode(), "hidden"),
    ("a.epub", make_epub({"a": PAGE}), "hidden"),
    ("b.html", f"<p>{ENGLISH}</p><pre><code>A secret.</code></pre>".encode(), "code"),
]


def _read(name: str, data: bytes, **settings: object) -> Document:
    options = JobSettings.model_validate(settings).reading
    return read_within(LimitSettings(), data, name=name, media_type=None, options=options)


def _spoken(document: Document) -> str:
    runs = [run for c in document.chapters for block in c.blocks for run in block.runs]
    return "".join(document.source[run.start : run.end] for run in runs)


@pytest.mark.parametrize(("name", "data", "reason"), SOURCES, ids=[s[0] for s in SOURCES])
def test_what_is_skipped_is_read_if_its_reason_is_named(
    name: str, data: bytes, reason: str
) -> None:
    skipped = _read(name, data)
    assert "secret" not in _spoken(skipped)
    assert SkipReason(reason) in {skip.reason for skip in skipped.skips}
    assert "A secret." in _spoken(_read(name, data, spoken=[reason]))


def test_language_that_is_told_is_refused_with_what_to_do() -> None:
    short = b"<html lang='de'><body><p>Guten Tag.</p></body></html>"
    with pytest.raises(
        DocumentError, match=r'says that it is in another language \("de"\).*insist'
    ):
        _read("a.html", short)
    assert _read("a.html", short, other_language="read").chapters
    assert _read("a.txt", ENGLISH.encode()).chapters
