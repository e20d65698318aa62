"""Train the flow: tokens and a prompt of the same voice to mel, with dropped conditions.

Rows are cut from tapes: utterances of one voice laid end to end. The first part of a row is the
prompt, whose mel is given, as the voice's reference is in the product.
"""

import math
import random

import torch
from torch import Tensor, nn

from training.corpus import FULL_SCALE, VOICES, Corpus, Utterance
from training.encode_stage import ENCODED, Encoded, load_encoded
from training.run_state import Average, RunState, mean_of, set_rate
from training.sizes import DEMO
from training.stage_options import StageOptions
from worker.chatterbox.config import FRAMES_PER_TOKEN, MEL_BINS
from worker.chatterbox.mel import prompt_mel
from worker.chatterbox.s3gen.flow import Flow
from worker.chatterbox.s3gen.packing import Packing, pack_lengths
from worker.chatterbox.s3gen.unet import Condition

LOG_STEPS = 100
HIGHEST_RATE = 1e-3
LENGTHS = (100, 200, 200, 300, 450)  # tokens of a row; 4 to 18 s
BATCH_TOKENS = 9_600
PROMPT_TOKENS = (25, 125)
WITHOUT_PROMPT = 0.15
DROPPED = 0.2
FEATURE_WEIGHT = 0.2


class Tape:
    """All utterances of one voice, end to end in random order. Shapes: (T,), (F, 80), (n, 192)."""

    def __init__(
        self, utterances: list[Utterance], encoded: dict[int, Encoded], device: torch.device
    ) -> None:
        self.tokens = torch.cat([encoded[u.index].tokens for u in utterances]).long().to(device)
        self.mel = torch.cat([_mel(u) for u in utterances])
        self.x_vectors = torch.stack([encoded[u.index].x_vector for u in utterances]).to(device)

    def cut(self, start: int, tokens: int) -> tuple[Tensor, Tensor]:
        frames = slice(start * FRAMES_PER_TOKEN, (start + tokens) * FRAMES_PER_TOKEN)
        return self.tokens[start : start + tokens], self.mel[frames].float()


class FlowTraining:
    """The flow, its optimizer and the tapes."""

    def __init__(self, tapes: list[Tape], run: RunState, device: torch.device) -> None:
        self.tapes = [tape for tape in tapes if len(tape.tokens) > max(LENGTHS)]
        self.run = run
        self.device = device
        self.flow = Flow(DEMO.flow).to(device)
        self.average = Average(self.flow)
        self.optimizer = torch.optim.AdamW(
            self.flow.parameters(), lr=HIGHEST_RATE, betas=(0.9, 0.98), weight_decay=0.01
        )
        self.parts = {"flow": self.flow, "average": self.average, "optimizer": self.optimizer}
        run.resume(self.parts, device)

    def step(self, rng: random.Random) -> dict[str, Tensor]:
        """Learn from one batch; returns its losses."""
        length = rng.choice(LENGTHS)
        rows = max(BATCH_TOKENS // length, 1)
        weights = [len(tape.tokens) for tape in self.tapes]
        tapes = rng.choices(self.tapes, weights, k=rows)
        cuts = [tape.cut(rng.randrange(len(tape.tokens) - length), length) for tape in tapes]
        x_vectors = torch.stack(
            [tape.x_vectors[rng.randrange(len(tape.x_vectors))] for tape in tapes]
        )
        prompts = torch.tensor([_prompt_frames(rng, length) for _ in tapes], device=self.device)
        tokens = torch.stack([codes for codes, _ in cuts])
        mel = torch.stack([frames for _, frames in cuts])
        packing = pack_lengths([FRAMES_PER_TOKEN * length] * rows, self.device)
        matching, features = self.losses(tokens, mel, x_vectors, prompts, packing)
        self.optimizer.zero_grad()
        (matching + FEATURE_WEIGHT * features).backward()
        nn.utils.clip_grad_norm_(self.flow.parameters(), 1.0)
        set_rate(self.optimizer, self.run.rate(HIGHEST_RATE))
        self.optimizer.step()
        self.average.update(self.flow)
        return {"flow": matching, "features": features}

    def losses(
        self, tokens: Tensor, mel: Tensor, x_vectors: Tensor, prompts: Tensor, packing: Packing
    ) -> tuple[Tensor, Tensor]:
        """Flow matching on what follows the prompt, and how near the features are to the mel.

        Shapes: tokens (B, T), mel (B, F, 80), x_vectors (B, 192), prompts (B,) in frames.
        """
        rows, frames = mel.shape[:2]
        spoken = torch.arange(frames, device=self.device) >= prompts[:, None]
        told = (torch.rand(rows, device=self.device) >= DROPPED).float()
        time = 1 - torch.cos(torch.rand(rows, device=self.device) * (0.5 * math.pi))
        noise = torch.randn_like(mel)
        state = torch.lerp(noise, mel, time[:, None, None])
        given = mel * (~spoken)[..., None] * told[:, None, None]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=mel.is_cuda):
            features = self.flow.encoder_proj(
                self.flow.encoder(self.flow.input_embedding(tokens), None)
            )
            speaker = self.flow.project_speaker(x_vectors) * told[:, None]
            heard = features * told[:, None, None]
            condition = Condition(
                features=heard.flatten(0, 1), speaker=speaker, prompt=given.flatten(0, 1)
            )
            velocity = self.flow.decoder["estimator"](state.flatten(0, 1), time, condition, packing)
        error = (velocity.float().reshape_as(mel) - (mel - noise)).square().mean(-1)
        matching = (error * spoken).sum() / spoken.sum()
        return matching, (features.float() - mel).abs().mean()


def _prompt_frames(rng: random.Random, length: int) -> int:
    if rng.random() < WITHOUT_PROMPT:
        return 0
    return FRAMES_PER_TOKEN * rng.randint(PROMPT_TOKENS[0], min(PROMPT_TOKENS[1], length // 2))


def _mel(utterance: Utterance) -> Tensor:
    mel = prompt_mel(utterance.audio.float() / FULL_SCALE).T.half()
    assert mel.shape == (FRAMES_PER_TOKEN * utterance.tokens, MEL_BINS)
    return mel


def make_tapes(corpus: Corpus, encoded: dict[int, Encoded], device: torch.device) -> list[Tape]:
    """Lay the training utterances of each voice end to end."""
    tapes = []
    for voice in range(len(VOICES)):
        own = [u for u in corpus.training() if u.voice == voice and u.index in encoded]
        random.Random(voice).shuffle(own)
        if own:
            tapes.append(Tape(own, encoded, device))
    return tapes


def train(tapes: list[Tape], run: RunState, device: torch.device) -> None:
    """Train until the time is over."""
    rng = random.Random(run.step)
    training = FlowTraining(tapes, run, device)
    while not run.is_over():
        figures = training.step(rng)
        run.step += 1
        if run.step % LOG_STEPS == 0:
            run.log(**{name: mean_of([value.detach()]) for name, value in figures.items()})
            run.keep(training.parts)
    run.keep(training.parts, force=True)


def main() -> None:
    """Run the stage."""
    options = StageOptions.parse(__doc__)
    torch.manual_seed(14)
    corpus = Corpus(options.corpus, options.device)
    corpus.wait_until(options.state / ENCODED)
    tapes = make_tapes(corpus, load_encoded(options.state / ENCODED), options.device)
    train(tapes, RunState(options.state, "flow", options.until), options.device)


if __name__ == "__main__":
    main()
