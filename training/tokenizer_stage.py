"""Train the speech tokenizer so that its codes carry words and melody.

A small decoder reads the eight rounded coordinates and must name the teacher's phoneme in each
mel frame and rebuild the mel, told the voice; so the code need not carry the voice.
"""

import random

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from training.corpus import VOICES, Corpus, draw_crops
from training.phoneme_labels import LABELS
from training.run_state import Average, RunState, mean_of, set_rate
from training.sizes import DEMO
from training.stage_options import StageOptions
from worker.chatterbox.config import (
    ACOUSTIC_TOKENS,
    FRAMES_PER_TOKEN,
    MEL_BINS,
    REFERENCE_RATE_HZ,
    SAMPLE_RATE_HZ,
)
from worker.chatterbox.mel import prompt_mel, speech_token_mel
from worker.chatterbox.resample import resample_sinc
from worker.chatterbox.speech_tokenizer import SpeechTokenizer

LOG_STEPS = 100
HIGHEST_RATE = 6e-4
ROWS = 48
TOKENS = 125  # 5 s
CODE_DIGITS = 8
DECODER_WIDTH = 256
DECODER_LAYERS = 4
KERNEL = 7
MEL_WEIGHT = 1.5
PITCH_WEIGHT = 0.3
REFRESH_STEPS = 200
ENOUGH_HOURS = 15.0  # more would only cost the time to read it


class CodeReader(nn.Module):
    """The training-time decoder: coordinates and voice to phonemes, mel and pitch."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(CODE_DIGITS, DECODER_WIDTH)
        self.voice = nn.Embedding(len(VOICES), DECODER_WIDTH)
        self.layers = nn.ModuleList(_ReaderLayer() for _ in range(DECODER_LAYERS))
        self.phonemes = nn.Linear(DECODER_WIDTH, FRAMES_PER_TOKEN * LABELS)
        self.frames = nn.Linear(DECODER_WIDTH, FRAMES_PER_TOKEN * (MEL_BINS + 1))

    def forward(self, digits: Tensor, voices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Shapes: digits (B, T, 8) -> logits (B, F, LABELS), mel (B, F, 80), pitch (B, F)."""
        plain = self.enter(digits)
        logits = self.phonemes(self._read(plain))
        frames = self.frames(self._read(plain + self.voice(voices)[:, None]))
        rows, tokens = digits.shape[:2]
        frames = frames.reshape(rows, tokens * FRAMES_PER_TOKEN, MEL_BINS + 1)
        logits = logits.reshape(rows, tokens * FRAMES_PER_TOKEN, LABELS)
        return logits, frames[..., :MEL_BINS], frames[..., MEL_BINS]

    def _read(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class _ReaderLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(DECODER_WIDTH)
        self.mix = nn.Conv1d(DECODER_WIDTH, DECODER_WIDTH, KERNEL, padding=KERNEL // 2, groups=8)
        self.feed = nn.Sequential(
            nn.Linear(DECODER_WIDTH, 3 * DECODER_WIDTH),
            nn.GELU(),
            nn.Linear(3 * DECODER_WIDTH, DECODER_WIDTH),
        )

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.mix(self.norm(x).transpose(1, 2)).transpose(1, 2)
        fed: Tensor = self.feed(mixed)
        return x + fed


def round_through(digits: Tensor) -> Tensor:
    """Round, but pass the gradient as if it had not been."""
    return digits + (digits.round() - digits).detach()


def reading_loss(
    tokenizer: SpeechTokenizer, reader: CodeReader, crops: object
) -> tuple[Tensor, dict[str, Tensor]]:
    """Say how badly the codes of some speech are read."""
    audio, phonemes, pitch, voices = (
        getattr(crops, name) for name in ("audio", "phonemes", "pitch", "voices")
    )
    mel = prompt_mel(audio).transpose(1, 2)
    heard = speech_token_mel(resample_sinc(audio, SAMPLE_RATE_HZ, REFERENCE_RATE_HZ))
    lengths = torch.full((len(heard),), heard.shape[-1], device=heard.device)
    with torch.autocast(audio.device.type, torch.bfloat16, enabled=audio.is_cuda):
        hidden, _ = tokenizer.encode(heard, lengths)
        digits = tokenizer.digits(hidden)
        logits, rebuilt, octaves = reader(round_through(digits), voices)
    naming = nnf.cross_entropy(logits.float().flatten(0, 1), phonemes.flatten())
    mel_error = (rebuilt.float() - mel).abs().mean()
    voiced = pitch > 10
    target = pitch.clamp(min=50).log2() - 7.5
    pitch_error = ((octaves.float() - target).abs() * voiced).sum() / voiced.sum().clamp(min=1)
    right = (logits.argmax(-1) == phonemes).float().mean()
    figures = {"phoneme": naming, "mel": mel_error, "pitch": pitch_error, "right": right}
    return naming + MEL_WEIGHT * mel_error + PITCH_WEIGHT * pitch_error, figures


@torch.no_grad()
def code_usage(tokenizer: SpeechTokenizer, audio: Tensor) -> int:
    """Count the different codes in some speech."""
    heard = speech_token_mel(resample_sinc(audio, SAMPLE_RATE_HZ, REFERENCE_RATE_HZ))
    lengths = torch.full((len(heard),), heard.shape[-1], device=heard.device)
    codes, _ = tokenizer(heard, lengths)
    return int(codes.flatten().bincount(minlength=ACOUSTIC_TOKENS).gt(0).sum())


def train(corpus: Corpus, run: RunState, device: torch.device) -> Average:
    """Train until the time is over; returns the averaged tokenizer."""
    rng = random.Random(run.step)
    tokenizer = SpeechTokenizer(DEMO.speech_tokenizer).to(device)
    reader = CodeReader().to(device)
    average = Average(tokenizer)
    parameters = [*tokenizer.parameters(), *reader.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=HIGHEST_RATE, betas=(0.9, 0.98))
    parts = {"tokenizer": tokenizer, "reader": reader, "optimizer": optimizer, "average": average}
    run.resume(parts, device)
    pool = corpus.pool()
    while not run.is_over():
        if run.step % REFRESH_STEPS == 0 and corpus.hours() < ENOUGH_HOURS:
            corpus.refresh()
            pool = corpus.pool()
        crops = draw_crops(pool, ROWS, TOKENS, rng)
        loss, figures = reading_loss(tokenizer, reader, crops)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        set_rate(optimizer, run.rate(HIGHEST_RATE))
        optimizer.step()
        average.update(tokenizer)
        run.step += 1
        if run.step % LOG_STEPS == 0:
            shown = {name: mean_of([value.detach()]) for name, value in figures.items()}
            run.log(codes=code_usage(tokenizer, crops.audio), hours=corpus.hours(), **shown)
            run.keep(parts)
    run.keep(parts, force=True)
    return average


def main() -> None:
    """Run the stage."""
    options = StageOptions.parse(__doc__)
    torch.manual_seed(12)
    corpus = Corpus(options.corpus, options.device)
    corpus.wait_for(options.hours)
    train(corpus, RunState(options.state, "tokenizer", options.until), options.device)


if __name__ == "__main__":
    main()
