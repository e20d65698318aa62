"""Train the speech tokenizer so that its codes represent words and pitch.

A small decoder gets the eight rounded coordinates and the voice, and predicts the teacher's phoneme
in each mel frame, the mel and the pitch. So the codes need not represent the voice.
"""

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from training.corpus import VOICES, Corpus
from training.graphed import Figures, GraphedStep
from training.phoneme_labels import LABELS
from training.run_state import Average, RunState, make_optimizer, set_rate
from training.sizes import DEMO
from training.stage_options import StageOptions
from training.tape import Crops, SpeechTape
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
REFRESH_STEPS = 400
ROOM_HOURS = 15.0  # more speech would only take longer to read


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
        """Predict phonemes, mel and pitch.

        Shapes: digits (B, T, 8), voices (B, T)
        -> logits (B, F, LABELS), mel (B, F, 80), pitch (B, F).
        """
        plain = self.enter(digits)
        logits = self.phonemes(self._read(plain))
        frames = self.frames(self._read(plain + self.voice(voices)))
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
    """Round, but pass the gradient through unchanged."""
    return digits + (digits.round() - digits).detach()


def reading_loss(
    tokenizer: SpeechTokenizer, reader: CodeReader, crops: Crops
) -> tuple[Tensor, Figures]:
    """Return the decoder's losses for some speech."""
    audio, phonemes, pitch = crops.audio, crops.phonemes, crops.pitch
    mel = prompt_mel(audio).transpose(1, 2)
    heard = speech_token_mel(resample_sinc(audio, SAMPLE_RATE_HZ, REFERENCE_RATE_HZ))
    lengths = torch.full((len(heard),), heard.shape[-1], device=heard.device)
    with torch.autocast(audio.device.type, torch.bfloat16, enabled=audio.is_cuda):
        hidden, _ = tokenizer.encode(heard, lengths)
        digits = tokenizer.digits(hidden)
        logits, rebuilt, octaves = reader(round_through(digits), crops.voices)
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


class TokenizerTraining:
    """The tokenizer, the decoder of its codes and their optimizer."""

    def __init__(self, tape: SpeechTape, run: RunState, device: torch.device) -> None:
        self.tape = tape
        self.run = run
        self.tokenizer = SpeechTokenizer(DEMO.speech_tokenizer).to(device)
        run.begin_with(self.tokenizer)
        self.reader = CodeReader().to(device)
        run.begin_with(self.reader, "reader")
        self.average = Average(self.tokenizer)
        self.parameters = [*self.tokenizer.parameters(), *self.reader.parameters()]
        self.optimizer = make_optimizer(self.parameters, device, lr=HIGHEST_RATE, betas=(0.9, 0.98))
        self.parts = {
            "tokenizer": self.tokenizer,
            "reader": self.reader,
            "optimizer": self.optimizer,
            "average": self.average,
        }
        run.resume(self.parts, device)
        self._learn = GraphedStep(self.learn, device)

    def step(self) -> Figures:
        """Do one training step; return its losses."""
        set_rate(self.optimizer, self.run.rate(HIGHEST_RATE))
        figures = self._learn()
        self.average.update()
        return figures

    def learn(self) -> Figures:
        """Draw a batch and update the weights."""
        loss, figures = reading_loss(self.tokenizer, self.reader, self.tape.draw(ROWS, TOKENS))
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        return figures


def train(corpus: Corpus, run: RunState, device: torch.device) -> None:
    """Train until the time is over."""
    tape = SpeechTape(ROOM_HOURS, device)
    tape.append(corpus.training())
    training = TokenizerTraining(tape, run, device)
    while not run.is_over():
        if run.step % REFRESH_STEPS == 0 and corpus.hours() < ROOM_HOURS:
            tape.append(corpus.refresh())
        figures = training.step()
        run.step += 1
        if run.step % LOG_STEPS == 0:
            shown = {name: float(value.detach()) for name, value in figures.items()}
            codes = code_usage(training.tokenizer, tape.draw(ROWS, TOKENS).audio)
            run.log(codes=codes, hours=tape.hours, **shown)
            run.keep(training.parts)
    run.keep(training.parts, force=True)


def main() -> None:
    """Run the stage."""
    options = StageOptions.parse(__doc__)
    torch.manual_seed(12)
    corpus = Corpus(options.corpus)
    corpus.wait_for(options.hours)
    train(corpus, options.run_state("tokenizer"), options.device)


if __name__ == "__main__":
    main()
