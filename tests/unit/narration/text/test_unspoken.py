import pytest
from hypothesis import given
from hypothesis import strategies as st

from narration.documents.read import read_document
from narration.text.chunk import plan_chunks
from narration.text.normalize import normalize
from narration.text.unspoken import find_unspoken

# « and » enclose characters without a spoken form.
_TEXTS = [
    "I love it «😀»!",
    "Acme«™» and Bolt«®».",
    "«*»very«*» good",
    "«__»bold«__»",
    "a snake_case name",
    "a man«*» of honour",
    "9 * 7 and 9*7",
    "a < b and x>9",
    "<5 cases, (>90%) and >= 3",
    "«>» 5 quoted",
    "a f«*»ck",
    "«<b>»bold«</b>» words",
    "press «<»Enter«>» now",
    "go «<br/>» on",
    "a word«¹» and an end.«²»",
    "x² and 10⁵ and 20 km²",
    "2^10 of them",
    "a hat «^» on it",
    "~50 people",
    "«~»soft«~»",
    "back \\ and C:\\a",
    "5 ± 2 ≈ 5 × 1",
    "½ and № 5 and ①",
]


@pytest.mark.parametrize("marked", _TEXTS)
def test_only_what_nobody_says_is_unspoken(marked: str) -> None:
    text = marked.replace("«", "").replace("»", "")
    rebuilt, position = "", 0
    for start, end in find_unspoken(text):
        rebuilt += f"{text[position:start]}«{text[start:end]}»"
        position = end
    expected = marked.replace("back \\ and", "back «\\» and")
    assert rebuilt + text[position:] == expected


@pytest.mark.parametrize("sign", list("&#%@=+×÷±°¢§¶©≤≥≠≈∞√∑→€£¥₩₽½¼²π"))
def test_a_sign_that_is_not_unspoken_is_said(sign: str) -> None:
    text = f"seven {sign} nine"
    assert not find_unspoken(text)
    assert len(normalize(text).split()) > len(["seven", "nine"])


def test_what_has_no_saying_is_skipped_with_its_reason() -> None:
    document = read_document("Acme™ is *good* 😀.".encode(), name="a.txt")
    plan = plan_chunks(document)
    skipped = [(document.source[s.start : s.end], s.reason) for s in plan.skipped]
    assert skipped == [(mark, "unspeakable") for mark in ("™", "*", "*", "😀")]
    assert "".join(document.source[s.start : s.end] for s in plan.spans) == document.source


@given(st.text(alphabet="aB1 .*_^~\\<>/™😀²½", max_size=40))
def test_pieces_are_in_order_and_apart(text: str) -> None:
    position = 0
    for start, end in find_unspoken(text):
        assert position <= start < end
        position = end
