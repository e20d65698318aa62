"""The voices that both ends keep are the same, however utterances follow each other."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from worker.engine_process.messages import RecentVoices


@given(st.lists(st.integers(0, 6), max_size=60), st.integers(1, 4))
def test_the_other_end_has_every_voice_that_is_not_sent(digests: list[int], kept: int) -> None:
    sender, receiver = RecentVoices(kept), RecentVoices(kept)
    sent = 0
    for digest in map(str, digests):
        voice: Any = f"voice {digest}"
        is_known = sender.use(digest, voice) is not None
        message = None if is_known else voice
        sent += not is_known
        assert (receiver.use(digest, message) or message) == voice
    assert sent >= len(set(digests))


def test_a_voice_is_sent_once_while_it_is_among_the_last() -> None:
    voices, voice = RecentVoices(2), object()
    uses: list[Any] = [voices.use(digest, voice) for digest in "abab"]  # type: ignore[arg-type]
    assert uses == [None, None, voice, voice]
    voices.use("c", voice)  # type: ignore[arg-type]
    assert voices.use("a", voice) is None  # type: ignore[arg-type]
