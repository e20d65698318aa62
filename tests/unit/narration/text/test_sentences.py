import pytest
from hypothesis import given
from hypothesis import strategies as st

from narration.text.sentences import split_sentences

# "|" marks where a sentence ends.
CUTS = [
    "One. |Two. |Three.",
    "Really? |Yes! |Good.",
    "“What?” he said. |“No.”",
    "“Stop!” |The man stopped.",
    "Mr. Smith met Dr. Jones and Mrs. Hall. |They left.",
    "St. Paul's is in London. |It is old.",
    "J. R. R. Tolkien wrote it. |So it is.",
    "He lived in the U.S. for years. |Then he left.",
    "He lived in the U.S. |He left.",
    "the U.S. Army came",
    "It cost 3.50 dollars. |Cheap.",
    "See example.com for more. |Then go.",
    "Wait... what? |Nothing.",
    "Wait... |The door opened.",
    "Well . . . perhaps. |Not now.",
    "What?! |No!!",
    "Apples, pears, etc. were sold. |All of them.",
    "Apples, pears, etc. |They were sold.",
    "At 9 a.m. he rose. |At 5 p.m. |He slept.",
    "No. 5 is here. |No. |He is not.",
    "1. The first. |2. The second.",
    "Fruit, e.g. Apples, are good.",
    "(He left.) |She stayed.",
    "It ended.) |Then",
    "He was born c. 1900. |He died.",
    "He paid 10s. 6d. for it. |It was dear.",
    "It is in Vol. II of it. |Look.",
    "One.\n\n|two without a capital",
    "One line\nand its rest.",
    "今日は。|元気ですか？|はい。",
    "no stop at all",
    "Inc. Magazine wrote. |It did.",
    "Smith & Co. |They sell.",
    "It was I. |The end.",
    "“Go.” |“Where?”",
    "He said “go.” |She went.",
    "There are three: 1. Cats; 2. Dogs; 3. Mice. |They run.",
    "He said: a. go; b. stay. |We went.",
    "See Smith et al. 2004 for it. |Then go.",
    "It fell (Doe, op. cit., p. 3). |Next it rose.",
    "As in Chap. I. of the book. |Then.",
    "I read it in Acts ii. 3. |It is so.",
    "He was ill. |5 men came.",
    "I say no. |I am here.",
    "He met Gen. Lee and Wm. Fox. |They fought.",
    "It is 5 ft. long. |It holds.",
    "He came Jan. 5. |It snowed.",
    "He lived in Washington, D.C. |It was hot.",
    "MR. FOX MET DR. HEN. |THEY LEFT.",
    "VOL. II OF IT. |THE END.",
]


@pytest.mark.parametrize("marked", CUTS)
def test_sentences_end_where_a_reader_breathes(marked: str) -> None:
    assert [s.strip() for s in split_sentences(marked.replace("|", ""))] == [
        s.strip() for s in marked.split("|")
    ]


@given(st.text(max_size=200))
def test_no_character_is_lost(text: str) -> None:
    assert "".join(split_sentences(text)) == text


@given(st.text(alphabet="aA.!? \n\"'”)1", max_size=200))
def test_no_sentence_is_empty(text: str) -> None:
    assert all(split_sentences(text))


@pytest.mark.parametrize("unit", ["x", ".", ". ", "!", '"', "\n", " ", "a.", "。"])
def test_a_long_run_of_one_thing_takes_one_pass(unit: str) -> None:
    text = unit * (200_000 // len(unit))  # quadratic time would take minutes
    assert "".join(split_sentences(text)) == text
