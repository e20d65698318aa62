import pytest

from narration.documents.types import SkipReason
from narration.errors import IncompletePlanError
from narration.text.partition import Claim, partition
from narration.text.types import SpanKind


def test_what_nobody_claims_is_a_pause_or_markup() -> None:
    claims = [Claim(0, 2, 0, None), Claim(3, 5, None, SkipReason.CODE)]
    spans = list(partition("ab cd*", claims))
    kinds = [span.kind for span in spans]
    assert kinds == [SpanKind.CHUNK, SpanKind.PAUSE, SpanKind.SKIPPED, SpanKind.SKIPPED]
    assert [span.reason for span in spans[2:]] == [SkipReason.CODE, SkipReason.MARKUP]


def test_characters_that_are_claimed_twice_are_refused() -> None:
    claims = [Claim(0, 3, 0, None), Claim(2, 5, 1, None)]
    with pytest.raises(IncompletePlanError, match="character 2"):
        list(partition("abcde", claims))
