"""Train HiFT by copy synthesis: mel and spectral losses first, adversarial ones after.

The pitch predictor learns from the teacher's own pitch; the source is driven by that pitch at
first and by the predicted one in the later part, as in the product.
"""

import math

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from training.corpus import Corpus
from training.discriminators import (
    Judges,
    deceive_loss,
    feature_loss,
    judge_loss,
    spectrum,
)
from training.graphed import Figures, GraphedStep
from training.run_state import Average, RunState, make_optimizer, set_rate
from training.sizes import DEMO
from training.stage_options import StageOptions
from training.tape import SpeechTape
from worker.chatterbox.config import FRAMES_PER_TOKEN, SAMPLES_PER_FRAME
from worker.chatterbox.hift.vocoder import Vocoder
from worker.chatterbox.mel import prompt_mel
from worker.chatterbox.rows import Ends

LOG_STEPS = 100
HIGHEST_RATE = 8e-4
JUDGES_RATE = 4e-4
ROWS = 32
JUDGED_ROWS = 16  # the judges cost more than all the rest
TOKENS = 20  # 0.8 s, of which the outer two on either side only lend their mel context
EDGE_TOKENS = 2
ADVERSARIAL_FROM = 0.25  # of the time: judges of a blurred voice teach it little
OWN_PITCH_FROM = 0.5
MEL_WEIGHT = 15.0
FEATURE_WEIGHT = 2.0
PITCH_WEIGHT = 0.02  # per Hz
RESOLUTIONS = ((512, 120), (1024, 240), (2048, 480))
REFRESH_STEPS = 500
ROOM_HOURS = 10.0  # more would only cost the time to read it


class VocoderTraining:
    """The vocoder, its judges and their optimizers."""

    def __init__(self, tape: SpeechTape, run: RunState, device: torch.device) -> None:
        self.tape = tape
        self.run = run
        self.device = device
        self.vocoder = Vocoder(DEMO.hift).to(device)
        run.begin_with(self.vocoder)
        self.judges = Judges().to(device)
        self.average = Average(self.vocoder)
        self.optimizer = make_optimizer(
            self.vocoder.parameters(), device, lr=HIGHEST_RATE, betas=(0.8, 0.99)
        )
        self.judges_optimizer = make_optimizer(
            self.judges.parameters(), device, lr=JUDGES_RATE, betas=(0.8, 0.99)
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

    def step(self) -> Figures:
        """Learn from one batch; returns its losses."""
        set_rate(self.optimizer, self.run.rate(HIGHEST_RATE))
        set_rate(self.judges_optimizer, self.run.rate(JUDGES_RATE))
        progress = self.run.progress
        figures = self._learn(progress > ADVERSARIAL_FROM, progress > OWN_PITCH_FROM)
        self.average.update()
        return figures

    def learn(self, is_judged: bool, is_own_pitch: bool) -> Figures:  # noqa: FBT001 - graph keys
        """Draw a batch and descend."""
        crops = self.tape.draw(ROWS, TOKENS)
        mel, edge = prompt_mel(crops.audio), EDGE_TOKENS * FRAMES_PER_TOKEN
        inner = slice(edge, -edge)
        real = crops.audio[:, edge * SAMPLES_PER_FRAME : -edge * SAMPLES_PER_FRAME]
        made, pitch_error = self.synthesise(
            mel[..., inner], crops.pitch[:, inner], is_own_pitch=is_own_pitch
        )
        spectral = multi_resolution_loss(real, made)
        mel_error = (prompt_mel(made) - prompt_mel(real)).abs().mean()
        loss = MEL_WEIGHT * mel_error + spectral + PITCH_WEIGHT * pitch_error
        figures = {"mel": mel_error, "spectral": spectral, "pitch_hz": pitch_error}
        if is_judged:
            true, false = real[:JUDGED_ROWS], made[:JUDGED_ROWS]
            figures["judges"] = self._teach_judges(true, false)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=real.is_cuda):
                judged_real, judged_made = self.judges(true), self.judges(false)
            likeness = feature_loss(judged_real, judged_made)
            loss = loss + deceive_loss(judged_made) + FEATURE_WEIGHT * likeness
            figures["likeness"] = likeness
        _descend(self.optimizer, self.vocoder, loss)
        return figures

    def synthesise(
        self, mel: Tensor, pitch: Tensor, *, is_own_pitch: bool
    ) -> tuple[Tensor, Tensor]:
        """Make waveforms of mels of equal length, and say how far the pitch was missed."""
        rows, _, frames = mel.shape
        own = self.vocoder.f0_predictor(mel, None)
        driving = own if is_own_pitch else pitch
        phases = (torch.rand(rows, DEMO.hift.harmonics, device=self.device) * 2 - 1) * math.pi
        noise = torch.randn(rows, frames * SAMPLES_PER_FRAME, device=self.device)
        source = self.vocoder.m_source(driving, phases, noise)
        made = self.vocoder.decode(mel, source, Ends(longest=frames, ends=None))
        return made, (own - pitch).abs().mean()

    def _teach_judges(self, real: Tensor, made: Tensor) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=real.is_cuda):
            judged_real, judged_made = self.judges(real), self.judges(made.detach())
        loss = judge_loss(judged_real, judged_made)
        _descend(self.judges_optimizer, self.judges, loss)
        return loss


def _descend(optimizer: torch.optim.Optimizer, module: nn.Module, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(module.parameters(), 5.0)
    optimizer.step()


def multi_resolution_loss(real: Tensor, made: Tensor) -> Tensor:
    """Spectral convergence and log distance at three resolutions (arXiv 1910.11480)."""
    losses = []
    for window, hop in RESOLUTIONS:
        true, false = spectrum(real, window, hop), spectrum(made, window, hop)
        losses.append((true - false).norm() / true.norm())
        losses.append(nnf.l1_loss(false.clamp(min=1e-4).log(), true.clamp(min=1e-4).log()))
    return torch.stack(losses).mean() * 2


def train(corpus: Corpus, run: RunState, device: torch.device) -> None:
    """Train until the time is over."""
    tape = SpeechTape(ROOM_HOURS, device)
    tape.append(corpus.training())
    training = VocoderTraining(tape, run, device)
    while not run.is_over():
        if run.step % REFRESH_STEPS == 0 and corpus.hours() < ROOM_HOURS:
            tape.append(corpus.refresh())
        figures = training.step()
        run.step += 1
        if run.step % LOG_STEPS == 0:
            run.log(**{name: float(value.detach()) for name, value in figures.items()})
            run.keep(training.parts)
    run.keep(training.parts, force=True)


def main() -> None:
    """Run the stage."""
    options = StageOptions.parse(__doc__)
    torch.manual_seed(13)
    torch.backends.cudnn.benchmark = True
    corpus = Corpus(options.corpus)
    corpus.wait_for(options.hours)
    train(corpus, options.run_state("vocoder"), options.device)


if __name__ == "__main__":
    main()
