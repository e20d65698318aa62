import re

import pytest

from narration.text.normalize import normalize, normalize_heading
from narration.text.split import group_block
from narration.text.types import ChunkLimits

_LIMITS = ChunkLimits(max_chars=60, min_chars=10)


def _words(spoken: str) -> list[str]:
    return re.findall(r"\w+", spoken.lower())


@pytest.mark.parametrize(
    "sentence",
    [
        "He wrote to her from the old house on 5 March 1921 about the war and the money he owed",
        "The firm paid all of its $12 million to Dr. Hall and to Mr. Kent of Elm St. at once",
        "They walked from the mill to the bridge and back, some 7 1/2 miles, before the rain",
        "At about 6 a.m. on Jan. 5 the train of Lt. Col. Smith stood at 31 Birch St. in the snow",
        "It says that King Henry VIII and Pope John XXIII met in Vol. IV of works by J. S. Bach",
        "She counted 1,250,000 of them and 3 kg of tea, 2 lbs. of flour and 5 ft of rope in a yard",
    ],
)
@pytest.mark.parametrize("limit", [40, 60, 80])
def test_a_cut_sentence_is_said_in_the_words_of_the_whole(sentence: str, limit: int) -> None:
    groups = group_block(sentence, ChunkLimits(max_chars=limit, min_chars=10))
    assert len(groups) > 1
    said = [word for group in groups for word in _words(group.spoken)]
    assert said == _words(normalize(sentence))


def test_halves_of_a_notice_are_said_as_the_notice_is() -> None:
    notice = "ALL PERSONS ARE WARNED TO KEEP AWAY FROM THE NASA WORKS BY ORDER. NO DOGS."
    groups = group_block(notice, ChunkLimits(max_chars=75, min_chars=20), normalize_heading)
    said = " ".join(group.spoken for group in groups)
    assert "NASA" in said
    assert not re.search(r"\b(?!NASA\b)[A-Z]{2,}\b", said)


def test_a_dash_where_a_sentence_was_cut_is_a_pause() -> None:
    text = "He came up the hill in the rain that evening — and nobody had seen him come at all."
    first, *_ = group_block(text, _LIMITS)
    assert first.spoken.endswith("evening,")


def test_a_long_line_without_spaces_is_still_cut() -> None:
    groups = group_block("5" * 400, _LIMITS)
    assert all(0 < len(group.spoken) <= 60 for group in groups)
