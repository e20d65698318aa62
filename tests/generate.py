"""Speak a list of prompts from start to end; the service's own loop is in `worker.engine`."""

from collections.abc import Sequence

from worker.chatterbox.t3.decoder import Decoder
from worker.chatterbox.t3.model import T3
from worker.chatterbox.t3.prompt import Prompt, SpeechTokens


def generate(model: T3, prompts: Sequence[Prompt], slots: int = 16) -> list[SpeechTokens]:
    """Decode prompts; one joins whenever a slot is free. Results are in the order of prompts."""
    decoder = Decoder(model, slots)
    waiting = list(reversed(list(enumerate(prompts))))
    running: dict[int, int] = {}
    results: dict[int, SpeechTokens] = {}
    while waiting or running:
        joining = [waiting.pop() for _ in range(min(decoder.free, len(waiting)))]
        entered = decoder.prefill([prompt for _, prompt in joining])
        running |= {slot: index for slot, (index, _) in zip(entered, joining, strict=True)}
        decoder.step()
        results |= {running.pop(slot): decoder.release(slot) for slot in decoder.done()}
    return [results[index] for index in range(len(prompts))]
