"""Encode the corpus with the trained networks: speech tokens and two speaker embeddings.

Runs while the teacher speaks: each new batch of shards becomes one more file. Ten hours take a few
seconds, so a second run starts over.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from training.corpus import FULL_SCALE, Corpus, Utterance
from training.encoded import ENCODED_DONE, Encoded, write_lines
from training.parts import read_networks
from training.run_state import load_trained
from training.sizes import DEMO
from training.speaker_stage import SpeakerNetworks
from training.stage_options import parse_device
from worker.chatterbox.config import (
    REFERENCE_RATE_HZ,
    SAMPLE_RATE_HZ,
    SAMPLES_PER_TOKEN,
)
from worker.chatterbox.mel import speech_token_mel, voice_encoder_mel, x_vector_mel
from worker.chatterbox.resample import resample_sinc
from worker.chatterbox.speech_tokenizer import FRAMES_PER_SPEECH_TOKEN, SpeechTokenizer

BATCH_TOKENS = 12_000
HEARING_DONE = "hearing.done"  # the speech tokenizer and speaker networks are trained
CORPUS_DONE = "corpus.done"  # the teacher has finished
PAUSE_S = 2.0
REFERENCE_S = 10
X_VECTOR_WINDOW, X_VECTOR_HOP = 400, 160


def load_hearing(
    state: Path, origin: Path | None, device: torch.device
) -> tuple[SpeechTokenizer, SpeakerNetworks]:
    """Load the networks of the first two stages, or those of the run that they started from."""
    networks = read_networks(state, origin)
    tokenizer = SpeechTokenizer(DEMO.speech_tokenizer).to(device).eval()
    tokenizer.load_state_dict(networks["tokenizer"])
    speakers = SpeakerNetworks().to(device).eval()
    load_trained(speakers, networks["speakers"])
    return tokenizer, speakers


@torch.inference_mode()
def encode(
    utterances: list[Utterance], tokenizer: SpeechTokenizer, speakers: SpeakerNetworks
) -> dict[int, Encoded]:
    """Encode utterances in batches of similar length."""
    encoded = {}
    device = next(tokenizer.parameters()).device
    for batch in _batches(sorted(utterances, key=lambda u: u.tokens)):
        audio = nn.utils.rnn.pad_sequence([u.audio for u in batch], batch_first=True).to(device)
        heard = resample_sinc(audio.float() / FULL_SCALE, SAMPLE_RATE_HZ, REFERENCE_RATE_HZ)
        lengths = torch.tensor([u.tokens for u in batch], device=audio.device)
        samples = lengths * (SAMPLES_PER_TOKEN * REFERENCE_RATE_HZ // SAMPLE_RATE_HZ)
        codes, _ = tokenizer(speech_token_mel(heard), lengths * FRAMES_PER_SPEECH_TOKEN)
        timbre, identity = _identify(heard, samples, speakers)
        for row, utterance in enumerate(batch):
            encoded[utterance.index] = Encoded(
                tokens=codes[row, : utterance.tokens].to(torch.int16).cpu(),
                x_vector=timbre[row].cpu(),
                speaker=identity[row].cpu(),
            )
    return encoded


def _identify(heard: Tensor, samples: Tensor, speakers: SpeakerNetworks) -> tuple[Tensor, Tensor]:
    longest = REFERENCE_S * REFERENCE_RATE_HZ
    frames = (samples.clamp(max=longest) - X_VECTOR_WINDOW) // X_VECTOR_HOP + 1
    timbre = speakers.x_vector(x_vector_mel(heard[:, :longest]), frames)
    mels = voice_encoder_mel(heard)
    rows = [mel[:, : int(count) // X_VECTOR_HOP] for mel, count in zip(mels, samples, strict=True)]
    return timbre, speakers.voice_encoder.embed(rows)


def _batches(utterances: list[Utterance]) -> Iterator[list[Utterance]]:
    batch: list[Utterance] = []
    for utterance in utterances:
        if batch and (len(batch) + 1) * utterance.tokens > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(utterance)
    yield batch


def follow(corpus: Corpus, state: Path, origin: Path | None, device: torch.device) -> None:
    """Encode the teacher's speech until the teacher has finished."""
    while not (state / HEARING_DONE).exists():
        time.sleep(PAUSE_S)
    networks = load_hearing(state, origin, device)
    known, files, is_last = 0, 0, False
    while not is_last:
        is_last = (state / CORPUS_DONE).exists()
        corpus.refresh()
        new, known = corpus.utterances[known:], len(corpus.utterances)
        if new:
            write_lines(new, encode(new, *networks), state / f"encoded-{files:04d}.pt")
            corpus.drop_audio()
            files += 1
        elif not is_last:
            time.sleep(PAUSE_S)
    (state / ENCODED_DONE).touch()


def main() -> None:
    """Run the stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("state", type=Path)
    parser.add_argument("--device", type=parse_device, default="cuda")
    parser.add_argument("--origin", type=Path)
    arguments = parser.parse_args()
    if arguments.device.type == "cuda":
        torch.cuda.set_device(arguments.device)
    follow(Corpus(arguments.corpus), arguments.state, arguments.origin, arguments.device)


if __name__ == "__main__":
    main()
