"""Train the flow: from tokens and a prompt of the same voice to mel, with dropped conditions.

Rows are cut from a tape: utterances concatenated voice by voice. The first part of a row is the
prompt, whose mel is given, like the mel of the voice's recording at run time.
"""

import math
import random
import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.corpus import FULL_SCALE, VOICES, Corpus, Utterance
from training.encoded import Encoded, EncodedLines
from training.graphed import Figures, GraphedStep
from training.reader import Reader
from training.run_state import Average, RunState, make_optimizer, set_rate
from training.sizes import DEMO
from training.stage_options import StageOptions
from worker.chatterbox.config import FRAMES_PER_TOKEN, MEL_BINS, TOKEN_RATE_HZ
from worker.chatterbox.mel import prompt_mel
from worker.chatterbox.s3gen.flow import Flow
from worker.chatterbox.s3gen.packing import Packing, pack_lengths
from worker.chatterbox.s3gen.unet import Condition

LOG_STEPS = 100
HIGHEST_RATE = 8e-4
LENGTHS = (100, 200, 200, 300, 450)  # tokens of a row; 4 to 18 s
BATCH_TOKENS = 9_600
PROMPT_TOKENS = (25, 125)
WITHOUT_PROMPT = 0.15
DROPPED = 0.2
FEATURE_WEIGHT = 0.2
ENOUGH_HOURS = 25.0  # more speech would only take longer to read


class FlowTape:
    """The corpus, concatenated voice by voice, on the device that trains.

    Shapes: tokens, voices (T,); mel (2 T, 80); x_vectors (utterances, 192), those of one voice
    from `first` on, `count` of them.
    """

    def __init__(
        self, utterances: list[Utterance], encoded: dict[int, Encoded], device: torch.device
    ) -> None:
        random.Random(14).shuffle(utterances)
        utterances.sort(key=lambda u: u.voice)
        codes = [encoded[u.index].tokens for u in utterances]
        spoken = torch.tensor([u.voice for u in utterances])
        lengths = torch.tensor([len(tokens) for tokens in codes])
        self.tokens = torch.cat(codes).long().to(device)
        self.voices = spoken.repeat_interleave(lengths).to(device)
        self.mel = torch.cat([_mel(u, device) for u in utterances])
        self.x_vectors = torch.stack([encoded[u.index].x_vector for u in utterances]).to(device)
        count = torch.bincount(spoken, minlength=len(VOICES))
        self.first = (count.cumsum(0) - count).to(device)
        self.count = count.to(device)

    def draw(self, rows: int, length: int) -> "Rows":
        """Cut random rows of a number of tokens; few cross from one voice into the next."""
        device = self.tokens.device
        start = torch.randint(len(self.tokens) - length, (rows,), device=device)
        frames = FRAMES_PER_TOKEN * start[:, None] + torch.arange(
            FRAMES_PER_TOKEN * length, device=device
        )
        voice = self.voices[start]
        other = self.first[voice] + (torch.rand(rows, device=device) * self.count[voice]).long()
        longest = min(PROMPT_TOKENS[1], length // 2)
        prompts = torch.randint(PROMPT_TOKENS[0], longest + 1, (rows,), device=device)
        prompts = prompts * (torch.rand(rows, device=device) >= WITHOUT_PROMPT)
        return Rows(
            tokens=self.tokens[start[:, None] + torch.arange(length, device=device)],
            mel=self.mel[frames].float(),
            x_vectors=self.x_vectors[other],
            prompts=FRAMES_PER_TOKEN * prompts,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Shapes: tokens (B, T), mel (B, F, 80), x_vectors (B, 192), prompts (B,) in frames."""

    tokens: Tensor
    mel: Tensor
    x_vectors: Tensor
    prompts: Tensor


class FlowTraining:
    """The flow, its optimizer and the tape."""

    def __init__(self, tape: FlowTape, run: RunState, device: torch.device) -> None:
        self.tape = tape
        self.run = run
        self.device = device
        self.flow = Flow(DEMO.flow).to(device)
        run.begin_with(self.flow)
        self.average = Average(self.flow)
        self.optimizer = make_optimizer(
            self.flow.parameters(), device, lr=HIGHEST_RATE, betas=(0.9, 0.98), weight_decay=0.01
        )
        self.parts = {"flow": self.flow, "average": self.average, "optimizer": self.optimizer}
        run.resume(self.parts, device)
        self.packings = {
            length: pack_lengths([FRAMES_PER_TOKEN * length] * _rows(length), device)
            for length in LENGTHS
        }
        self._learn = GraphedStep(self.learn, device)

    def step(self, length: int) -> Figures:
        """Do one training step; return its losses."""
        set_rate(self.optimizer, self.run.rate(HIGHEST_RATE))
        figures = self._learn(length)
        self.average.update()
        return figures

    def learn(self, length: int) -> Figures:
        """Draw a batch and update the weights."""
        matching, features = self.losses(
            self.tape.draw(_rows(length), length), self.packings[length]
        )
        self.optimizer.zero_grad()
        (matching + FEATURE_WEIGHT * features).backward()
        nn.utils.clip_grad_norm_(self.flow.parameters(), 1.0)
        self.optimizer.step()
        return {"flow": matching, "features": features}

    def losses(self, batch: Rows, packing: Packing) -> tuple[Tensor, Tensor]:
        """Return the flow matching loss after the prompt, and the features' distance to the mel."""
        mel = batch.mel
        rows, frames = mel.shape[:2]
        spoken = torch.arange(frames, device=self.device) >= batch.prompts[:, None]
        told = (torch.rand(rows, device=self.device) >= DROPPED).float()
        time = 1 - torch.cos(torch.rand(rows, device=self.device) * (0.5 * math.pi))
        noise = torch.randn_like(mel)
        state = torch.lerp(noise, mel, time[:, None, None])
        given = mel * (~spoken)[..., None] * told[:, None, None]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=mel.is_cuda):
            features = self.flow.encoder_proj(
                self.flow.encoder(self.flow.input_embedding(batch.tokens), None)
            )
            timbre = self.flow.project_timbre(batch.x_vectors) * told[:, None]
            heard = features * told[:, None, None]
            condition = Condition(
                features=heard.flatten(0, 1), timbre=timbre, prompt=given.flatten(0, 1)
            )
            velocity = self.flow.decoder["estimator"](state.flatten(0, 1), time, condition, packing)
        error = (velocity.float().reshape_as(mel) - (mel - noise)).square().mean(-1)
        matching = (error * spoken).sum() / spoken.sum()
        return matching, (features.float() - mel).abs().mean()


def _rows(length: int) -> int:
    return max(BATCH_TOKENS // length, 1)


def _mel(utterance: Utterance, device: torch.device) -> Tensor:
    mel = prompt_mel(utterance.audio.to(device).float() / FULL_SCALE).T.half()
    frames = FRAMES_PER_TOKEN * utterance.tokens
    if mel.shape != (frames, MEL_BINS):
        raise ValueError(f"{utterance.tokens} tokens need {frames} frames, not {len(mel)}")
    return mel


def train(tape: FlowTape, run: RunState, device: torch.device) -> None:
    """Train until the time is over."""
    rng = random.Random(run.step)
    training = FlowTraining(tape, run, device)
    began = time.time()
    while not run.is_over():
        figures = training.step(rng.choice(LENGTHS))
        run.step += 1
        if run.step % LOG_STEPS == 0:
            shown = {name: float(value.detach()) for name, value in figures.items()}
            run.log(**shown, ms=(time.time() - began) / LOG_STEPS * 1000)
            run.keep(training.parts)
            began = time.time()
    run.keep(training.parts, force=True)


def choose(corpus: Corpus, encoded: dict[int, Encoded]) -> list[Utterance]:
    """Return the first hours of the utterances that are not held out."""
    chosen, hours = [], 0.0
    for utterance in corpus.training():
        if utterance.index in encoded and hours < ENOUGH_HOURS:
            chosen.append(utterance)
            hours += utterance.tokens / TOKEN_RATE_HZ / 3600
    return chosen


def main() -> None:
    """Run the stage."""
    options = StageOptions.parse(__doc__)
    torch.manual_seed(14)
    corpus = Corpus(options.corpus)
    reader = Reader(corpus, ENOUGH_HOURS)
    lines = EncodedLines(options.state)
    lines.wait_for(ENOUGH_HOURS)
    reader.stop()
    encoded = lines.by_index()
    tape = FlowTape(choose(corpus, encoded), encoded, options.device)
    train(tape, options.run_state("flow"), options.device)


if __name__ == "__main__":
    main()
