"""Train HiFT by copy synthesis: by mel distance only at first, then with discriminators.

Losses of discriminators are summed as in HiFi-GAN (arXiv 2010.05646), not averaged: with a tenth of
their weight the voice stays blurred. The pitch predictor learns from the teacher's pitch. The
source uses the teacher's pitch at first, and the predicted one later, as at run time.
"""

import math
import time

import torch
from torch import Tensor, nn

from training.corpus import Corpus
from training.discriminators import Judges, deceive_loss, feature_loss, judge_loss
from training.graphed import Figures, GraphedStep
from training.mel_distance import mel_distance
from training.reader import Reader
from training.run_state import Average, RunState, make_optimizer, set_rate
from training.sizes import DEMO
from training.stage_options import StageOptions
from training.tape import SpeechTape
from worker.chatterbox.config import FRAMES_PER_TOKEN, SAMPLES_PER_FRAME
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.mel import prompt_mel
from worker.chatterbox.rows import Ends

LOG_STEPS = 100
HIGHEST_RATE = 3e-4  # at 4e-4 and a mel weight of 45, training diverged after 6,000 steps
JUDGES_SHARE = 0.6  # of the vocoder's learning rate
ROWS = 16
TOKENS = 14  # 0.56 s; the outer two tokens on either side only give context for the mel
EDGE_TOKENS = 2
JUDGED_FROM_STEP = 800  # before that, discriminators have nothing to learn
OWN_PITCH_FROM_STEP = 4000
MEL_WEIGHT = 20.0
FEATURE_WEIGHT = 2.0
PITCH_WEIGHT = 0.1  # per Hz
STEEPEST = 500.0  # norm of a gradient; only a bad step exceeds it
LEAST_ALPHA = 0.05  # of Snake, which divides by it
ROOM_HOURS = 12.0


class VocoderTraining:
    """The vocoder, its discriminators and their optimizers."""

    def __init__(
        self,
        tape: SpeechTape,
        run: RunState,
        device: torch.device,
        highest_rate: float = HIGHEST_RATE,
    ) -> None:
        self.tape = tape
        self.run = run
        self.device = device
        self.highest_rate = highest_rate
        self.vocoder = Vocoder(DEMO.hift).to(device)
        self.judges = Judges().to(device)
        run.begin_with(self.vocoder)
        self.has_judges = run.begin_with(self.judges, f"{run.name}_judges")
        self.alphas = [p for n, p in self.vocoder.named_parameters() if n.endswith(".alpha")]
        self.average = Average(self.vocoder)
        self.optimizer = make_optimizer(
            self.vocoder.parameters(), device, lr=highest_rate, betas=(0.8, 0.99)
        )
        self.judges_optimizer = make_optimizer(
            self.judges.parameters(), device, lr=highest_rate, betas=(0.8, 0.99)
        )
        self.parts = {
            "vocoder": self.vocoder,
            "judges": self.judges,
            "average": self.average,
            "optimizer": self.optimizer,
            "judges_optimizer": self.judges_optimizer,
        }
        run.resume(self.parts, device)
        self._learn = GraphedStep(self.learn, device)

    def step(self, rows: int = ROWS, tokens: int = TOKENS) -> Figures:
        """Do one training step; return its losses."""
        rate = self.run.rate(self.highest_rate)
        set_rate(self.optimizer, rate)
        set_rate(self.judges_optimizer, JUDGES_SHARE * rate)
        figures = self._learn(
            self.has_judges or self.run.step >= JUDGED_FROM_STEP,
            self.has_judges or self.run.step >= OWN_PITCH_FROM_STEP,
            rows,
            tokens,
        )
        self.average.update()
        return figures

    def learn(self, is_judged: bool, is_own_pitch: bool, rows: int, tokens: int) -> Figures:  # noqa: FBT001 - graph keys
        """Draw a batch and update the weights."""
        crops = self.tape.draw(rows, tokens)
        mel, edge = prompt_mel(crops.audio), EDGE_TOKENS * FRAMES_PER_TOKEN
        inner = slice(edge, -edge)
        real = crops.audio[:, edge * SAMPLES_PER_FRAME : -edge * SAMPLES_PER_FRAME]
        made, pitch_error = self.synthesise(
            mel[..., inner], crops.pitch[:, inner], is_own_pitch=is_own_pitch
        )
        distance = mel_distance(real, made)
        loss = MEL_WEIGHT * distance + PITCH_WEIGHT * pitch_error
        figures = {"mel": distance, "pitch_hz": pitch_error}
        if is_judged:
            figures["judges"] = self._teach_judges(real, made)
            self.judges.requires_grad_(False)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=real.is_cuda):
                judged_real, judged_made = self.judges(real), self.judges(made)
            self.judges.requires_grad_(True)
            likeness, doubt = feature_loss(judged_real, judged_made), deceive_loss(judged_made)
            loss = loss + doubt + FEATURE_WEIGHT * likeness
            figures |= {"likeness": likeness, "doubt": doubt}
        figures["steepness"] = _descend(self.optimizer, self.vocoder, loss)
        with torch.no_grad():
            torch._foreach_clamp_min_(self.alphas, LEAST_ALPHA)
        return figures

    def synthesise(
        self, mel: Tensor, pitch: Tensor, *, is_own_pitch: bool
    ) -> tuple[Tensor, Tensor]:
        """Return waveforms of mels of equal length, and the error of the predicted pitch."""
        rows, _, frames = mel.shape
        own = self.vocoder.f0_predictor(mel, None)
        driving = own if is_own_pitch else pitch
        phases = (torch.rand(rows, DEMO.hift.harmonics, device=self.device) * 2 - 1) * math.pi
        noise = torch.randn(rows, frames * SAMPLES_PER_FRAME, device=self.device)
        source = self.vocoder.m_source(driving, phases, noise)
        made = self.vocoder.decode(mel, source, Ends(longest=frames, ends=None))
        return made, (own - pitch).abs().mean().float()

    def _teach_judges(self, real: Tensor, made: Tensor) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=real.is_cuda):
            judged_real, judged_made = self.judges(real), self.judges(made.detach())
        loss = judge_loss(judged_real, judged_made)
        _descend(self.judges_optimizer, self.judges, loss)
        return loss


def _descend(optimizer: torch.optim.Optimizer, module: nn.Module, loss: Tensor) -> Tensor:
    optimizer.zero_grad()
    loss.backward()
    for parameter in module.parameters():
        if parameter.grad is not None:  # a single NaN would spoil every weight
            parameter.grad.nan_to_num_(0.0, 0.0, 0.0)
    norm: Tensor = nn.utils.clip_grad_norm_(module.parameters(), STEEPEST)
    optimizer.step()
    return norm


def train(corpus: Corpus, run: RunState, device: torch.device, rate: float) -> None:
    """Train until the time is over."""
    tape = SpeechTape(ROOM_HOURS, device)
    tape.append(corpus.training())
    reader = Reader(corpus, ROOM_HOURS)
    training = VocoderTraining(tape, run, device, rate)
    began = time.time()
    while not run.is_over():
        figures = training.step()
        run.step += 1
        if run.step % LOG_STEPS == 0:
            shown = {name: float(value.detach()) for name, value in figures.items()}
            ms = (time.time() - began) / LOG_STEPS * 1000
            run.log(**shown, ms=ms, hours=tape.hours)
            run.keep(training.parts)
            tape.append(reader.take())
            began = time.time()
    run.keep(training.parts, force=True)


def main() -> None:
    """Run the stage."""
    options = StageOptions.parse(__doc__)
    torch.manual_seed(13)
    torch.backends.cudnn.benchmark = True
    corpus = Corpus(options.corpus)
    corpus.wait_for(options.hours)
    train(corpus, options.run_state("vocoder"), options.device, options.rate or HIGHEST_RATE)


if __name__ == "__main__":
    main()
