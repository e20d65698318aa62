# ruff: noqa: RUF001 - the tests are about these very characters
from pathlib import Path

import pytest

from narration.errors import CheckpointError, SpeechError
from worker.chatterbox.config import T3Config
from worker.chatterbox.tokenizer import TextTokenizer, normalize_punctuation

OFFICIAL = Path(__file__).parents[3] / "data" / "tokenizer.json"

# A text, and the result of upstream 0.1.7 for it.
SAYINGS = [
    ("hello", "Hello."),
    ("Hello!", "Hello!"),
    (" hello", "hello."),
    ("Who?  \n Me.", "Who? Me."),
    ("wait... what", "Wait,  what."),
    ("Wait… what?", "Wait,  what?"),
    ("one: two; three", "One, two,  three."),
    ("a - b", "A, b."),
    ("a-b – c — d", "A-b - c - d."),
    ("no , yes", "No, yes."),
    ("“Ay,” said ‘he’", "\"Ay,\" said 'he'."),
    ("and then,", "And then,"),
    ("and then -", "And then -"),
    ("trailing;", "Trailing,"),
    ("ßharp", "SSharp."),
    ("7 men", "7 men."),
    ('"quoted"', '"quoted".'),
]


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return TextTokenizer(OFFICIAL)


@pytest.mark.parametrize(("said", "read"), SAYINGS)
def test_punctuation_is_read_as_upstream_reads_it(said: str, read: str) -> None:
    assert normalize_punctuation(said) == read


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_empty_text_is_refused(text: str) -> None:
    with pytest.raises(SpeechError, match="nothing to speak"):
        normalize_punctuation(text)


def test_text_becomes_the_official_ids(tokenizer: TextTokenizer) -> None:
    ids = [284, 18, 84, 28, 2, 179, 79, 7, 2, 147, 2, 54, 2, 14, 2, 33, 218, 9]
    assert tokenizer.encode("Hello world, this is a test.") == ids


def test_vocabulary_is_the_models(tokenizer: TextTokenizer) -> None:
    assert tokenizer.vocabulary == T3Config().text_vocab


def test_sound_tags_are_single_tokens(tokenizer: TextTokenizer) -> None:
    assert len(tokenizer.encode("[laughter]")) == 1


@pytest.mark.parametrize("tag", ["[STOP]", "[START]", "[UNK]", "[SPACE]", "[PLACEHOLDER55]"])
def test_control_tokens_in_a_text_are_words(tokenizer: TextTokenizer, tag: str) -> None:
    assert tokenizer.encode(f"Say {tag} now") == tokenizer.encode(f"Say {tag.strip('[]')} now")


def test_unknown_characters_are_named_once(tokenizer: TextTokenizer) -> None:
    assert tokenizer.unknown_characters("Cœur ☃ and ☃, déjà: 漢") == ["œ", "☃", "漢"]


def test_unknown_characters_become_the_unknown_token(tokenizer: TextTokenizer) -> None:
    assert tokenizer.encode("☃.") == [1, 9]


@pytest.mark.parametrize("content", [None, "", "{}", "<html>"])
def test_damaged_tokenizer_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CheckpointError, match=r"tokenizer\.json is missing or not a tokenizer"):
        TextTokenizer(path)
