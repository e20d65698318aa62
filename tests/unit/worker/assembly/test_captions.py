import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.assembly.captions import cues, write_srt, write_vtt
from worker.assembly.types import ChapterMark, Cue, Mark

_SECOND = 24_000


def test_a_chunk_is_captioned_sentence_by_sentence() -> None:
    result = cues([(Mark(start=0, end=4 * _SECOND), "He came in. She went out.")])
    assert [cue.text for cue in result] == ["He came in.", "She went out."]
    assert result[0].start_s == 0
    assert result[0].end_s == result[1].start_s == pytest.approx(4 * 11 / 24, abs=1e-3)
    assert result[1].end_s == 4


def test_cues_stay_inside_their_chunk() -> None:
    marks = [Mark(start=_SECOND, end=3 * _SECOND), Mark(start=4 * _SECOND, end=6 * _SECOND)]
    result = cues([(mark, "One. Two. Three and more.") for mark in marks])
    assert [cue.start_s for cue in result[::3]] == [1, 4]
    assert [cue.end_s for cue in result[2::3]] == [3, 6]


def test_a_long_sentence_becomes_several_cues_without_losing_a_word() -> None:
    sentence = "and then he walked on through the rain, " * 6 + "home."
    result = cues([(Mark(start=0, end=20 * _SECOND), sentence)])
    assert len(result) > 2
    assert all(len(cue.text) <= 84 for cue in result)
    assert " ".join(cue.text for cue in result).split() == sentence.split()


@given(st.text("ab .,-\u2014\u00e9\t\n", max_size=120) | st.text("abcdefg h ij ", max_size=120))
def test_lines_break_where_the_standard_library_breaks_them(text: str) -> None:
    vtt = write_vtt([Cue(start_s=0, end_s=1, text=text)])
    lines = vtt.partition(".000\n")[2].removesuffix("\n")
    assert lines == ("\n".join(textwrap.wrap(text, 42)) or text)


def test_vtt_has_its_header_points_and_escapes() -> None:
    text = write_vtt(
        [Cue(start_s=0, end_s=1.5, text="Tea & <b>"), Cue(start_s=3661, end_s=3662, text="B")]
    )
    assert text == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nTea &amp; &lt;b&gt;\n\n"
        "01:01:01.000 --> 01:01:02.000\nB\n"
    )


def test_srt_has_its_numbers_and_commas() -> None:
    text = write_srt(
        [Cue(start_s=59.9996, end_s=61, text="A"), Cue(start_s=61, end_s=62, text="B")]
    )
    assert text == "1\n00:01:00,000 --> 00:01:01,000\nA\n\n2\n00:01:01,000 --> 00:01:02,000\nB\n"


def test_a_cue_shows_two_lines_at_most() -> None:
    (cue,) = cues(
        [(Mark(start=0, end=_SECOND), "He walked all the way from the mill to the old bridge.")]
    )
    visible = write_srt([cue]).splitlines()[2:]
    assert len(visible) == 2
    assert all(len(line) <= 42 for line in visible)


def test_nothing_spoken_has_no_captions() -> None:
    assert cues([]) == []
    assert write_vtt([]) == "WEBVTT\n"


def test_a_note_stands_before_the_first_cue_of_each_chapter() -> None:
    visible = [
        Cue(start_s=0.0, end_s=1.0, text="One."),
        Cue(start_s=2.0, end_s=3.0, text="Two."),
    ]
    chapters = [
        ChapterMark(title="I --> II", start=0),
        ChapterMark(title="Two\nlines", start=2 * _SECOND),
    ]
    assert write_vtt(visible, chapters) == (
        "WEBVTT\n\nNOTE Chapter: I -> II\n\n00:00:00.000 --> 00:00:01.000\nOne.\n\n"
        "NOTE Chapter: Two lines\n\n00:00:02.000 --> 00:00:03.000\nTwo.\n"
    )
