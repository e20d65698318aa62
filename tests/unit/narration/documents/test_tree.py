"""Markup that cannot be parsed is refused in words for people, and by where it is wrong."""

import pytest

from narration.documents.tree import parse_xml
from narration.errors import DocumentError


@pytest.mark.parametrize(
    ("markup", "why"),
    [
        ("", "is not XML (it cannot be read from line 1, column 1 on)"),
        ("<", "is not XML (it cannot be read from line 1, column 2 on)"),
        ("only words", "is not XML (it cannot be read from line 1, column 1 on)"),
        ("<a>" * 500, "nests its elements too deep"),
    ],
    ids=["empty", "a bracket", "words", "deep"],
)
def test_what_is_no_xml_is_refused(markup: str, why: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_xml(markup, what="the package")
    assert str(caught.value) == f"the package {why}: convert the document again"
