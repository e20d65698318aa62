"""Train T3: text to speech tokens. Some texts are dropped, as guidance requires.

Only in training: a second head predicts the phoneme of the next token; one attention head is pulled
towards the character that is being spoken, with decreasing weight; some of the previous speech
tokens are wrong, so that T3 has to use the text; and repeated tokens are penalised as sampling does
by default, so that T3 learns to speak with the penalty.
"""

import random
import time
from collections.abc import Iterator

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from training.attending import Forgetting, Guide, make_guide
from training.encoded import EncodedLines
from training.phoneme_labels import LABELS
from training.run_state import Average, Best, RunState, make_optimizer, mean_of, set_rate
from training.sizes import DEMO
from training.stage_options import StageOptions
from training.t3_data import Batch, RowSource, prefetch
from training.text_tokenizer import write_tokenizer
from worker.chatterbox.config import FRAMES_PER_TOKEN, START_SPEECH, STOP_SPEECH
from worker.chatterbox.t3.conditioning import Conditioning
from worker.chatterbox.t3.model import T3, positions_of
from worker.chatterbox.t3.sampling import penalize
from worker.chatterbox.tokenizer import TextTokenizer

SEED = 15
LOG_STEPS = 50
HIGHEST_RATE = 1.5e-3
LATER_RATE = 6e-4  # if it starts from an earlier run's weights
BATCH_POSITIONS = 40_000
LATE_POSITIONS = 80_000  # less noise while the learning rate is low
LATE = 0.67  # of the time
DROPOUT = 0.1
WRONG_SHARE = 0.25  # of the previous tokens, at most
REPETITION_PENALTY = 1.2
TEXT_DROPPED = 0.12
SMOOTHING = 0.05
PHONEME_WEIGHT = 0.5
GUIDE_WEIGHT = 0.3
GUIDE_UNTIL = 0.5  # of the time
IGNORED = -100
FIRST_HOURS = 8.0  # of speech before training starts
JUDGED = 512  # held-out rows, at most
JUDGE_STEPS = 250


class T3Training:
    """T3, the head for phonemes, and their optimizer."""

    def __init__(
        self,
        run: RunState,
        device: torch.device,
        *,
        rate: float | None = None,
        dropout: float | None = None,
    ) -> None:
        self.run = run
        self.forgetting = Forgetting(DROPOUT if dropout is None else dropout)
        self.device = device
        self.t3 = T3(DEMO.t3).to(device)
        _shrink_embeddings(self.t3)
        is_begun = run.begin_with(self.t3, "t3")
        self.highest_rate = rate or (LATER_RATE if is_begun else HIGHEST_RATE)
        for layer in self.t3.tfmr.layers:
            layer.mlp.register_forward_hook(self.forgetting.hook)
        self.phonemes = nn.Linear(DEMO.t3.width, FRAMES_PER_TOKEN * LABELS).to(device)
        self.average = Average(self.t3, decay=0.9995)
        self.best = Best()
        self.judged = T3(DEMO.t3).to(device)  # to evaluate the averaged weights
        self.parameters = [*self.t3.parameters(), *self.phonemes.parameters()]
        self.optimizer = make_optimizer(
            self.parameters, device, lr=self.highest_rate, betas=(0.9, 0.95), weight_decay=0.05
        )
        self.parts = {
            "t3": self.t3,
            "phonemes": self.phonemes,
            "average": self.average,
            "best": self.best,
            "optimizer": self.optimizer,
        }
        run.resume(self.parts, device)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Do one training step; return its losses."""
        is_dropped = torch.rand(len(batch.text), device=self.device) < TEXT_DROPPED
        is_dropped[0] = False  # at least one row needs phonemes to predict
        figures = self.losses(batch, is_dropped, is_training=True)
        guide_weight = GUIDE_WEIGHT * max(0.0, 1 - self.run.progress / GUIDE_UNTIL)
        loss = figures["token"] + PHONEME_WEIGHT * figures["phoneme"]
        loss = loss + guide_weight * figures["guide"]
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        set_rate(self.optimizer, self.run.rate(self.highest_rate))
        self.optimizer.step()
        self.average.update()
        return figures

    def losses(self, batch: Batch, is_dropped: Tensor, *, is_training: bool) -> dict[str, Tensor]:
        """Return the losses of predictions; a row without text has none for phonemes."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=batch.text.is_cuda):
            hidden, guide = self._hidden(batch, is_dropped, is_training=is_training)
            logits = self.t3.speech_head(hidden)
            named = self.phonemes(hidden[:, :-1]).unflatten(-1, (FRAMES_PER_TOKEN, LABELS))
        steps = torch.arange(hidden.shape[1], device=self.device)
        ends = batch.token_lengths[:, None]
        wanted = nnf.pad(batch.tokens, (0, 1)).masked_fill(steps == ends, STOP_SPEECH)
        wanted = wanted.masked_fill(steps > ends, IGNORED)
        is_asked = (steps[:-1] < ends) & ~is_dropped[:, None]
        phonemes = batch.phonemes.masked_fill(~is_asked[..., None], IGNORED)
        token = nnf.cross_entropy(
            penalise(logits, batch.tokens).flatten(0, 1),
            wanted.flatten(),
            label_smoothing=SMOOTHING,
        )
        phoneme = nnf.cross_entropy(named.float().flatten(0, 2), phonemes.flatten())
        right = (named.argmax(-1) == phonemes).float()
        told = is_asked[..., None].expand_as(right)
        missed = torch.stack(guide.losses).mean() if guide else token.new_zeros(())
        return {
            "token": token,
            "phoneme": phoneme,
            "guide": missed,
            "right": (right * told).sum() / told.sum(),
        }

    def _hidden(
        self, batch: Batch, is_dropped: Tensor, *, is_training: bool
    ) -> tuple[Tensor, Guide | None]:
        """Return hidden states that predict each token and the end. Shapes: -> (B, T + 1, D)."""
        opening = torch.full_like(batch.tokens[:, :1], START_SPEECH)
        heard = confuse(batch.tokens) if is_training else batch.tokens
        rows, lengths = self.t3.embed_rows(
            batch.text,
            torch.cat((opening, opening, heard), dim=1),
            Conditioning(
                speaker=batch.speaker,
                prompt_tokens=batch.prompts,
                prompt_lengths=batch.prompt_lengths,
                exaggeration=batch.exaggeration,
            ),
            text_lengths=batch.text_lengths,
            speech_lengths=batch.token_lengths + 2,
            is_unconditional=is_dropped,
        )
        guide = None
        if not is_training:
            hidden = self.t3.tfmr(rows, positions_of(rows))
        elif self.run.progress < GUIDE_UNTIL:
            prefix = DEMO.t3.conditioning_length
            guide = make_guide(batch, prefix, rows.shape[1], self.forgetting.attend)
            guide.is_speaking = guide.is_speaking & ~is_dropped[:, None]
            hidden = self.t3.tfmr(rows, positions_of(rows), guide)
        else:
            hidden = self.t3.tfmr(rows, positions_of(rows), self.forgetting.attend)
        hidden = self.forgetting.drop(hidden) if is_training else hidden
        first = lengths - batch.token_lengths - 1
        steps = first[:, None] + torch.arange(batch.tokens.shape[1] + 1, device=self.device)
        steps = steps.clamp_max(rows.shape[1] - 1)[..., None].expand(-1, -1, rows.shape[2])
        return hidden.gather(1, steps), guide

    @torch.no_grad()
    def judge(self, batches: list[Batch]) -> dict[str, float]:
        """Return the averaged weights' losses on held-out rows; the best weights are kept."""
        self.judged.load_state_dict(self.average.tensors)
        trained, self.t3 = self.t3, self.judged
        figures = []
        for batch in batches:
            none = torch.zeros(len(batch.text), dtype=torch.bool, device=self.device)
            figures.append(self.losses(batch, none, is_training=False))
        self.t3 = trained
        found = {f"held_{name}": mean_of([f[name] for f in figures]) for name in figures[0]}
        if self.best.offer(found["held_token"], self.average.tensors):
            self.run.keep_best(self.best)
        return found


def batch_positions(progress: float) -> int:
    return BATCH_POSITIONS if progress < LATE else LATE_POSITIONS


def confuse(tokens: Tensor) -> Tensor:
    """Replace some tokens of each row with others from the batch. Shapes: (B, T) -> (B, T)."""
    share = torch.rand(len(tokens), 1, device=tokens.device) * WRONG_SHARE
    is_wrong = torch.rand(tokens.shape, device=tokens.device) < share
    others = torch.randint(tokens.numel(), tokens.shape, device=tokens.device)
    return torch.where(is_wrong, tokens.flatten()[others], tokens)


def penalise(logits: Tensor, tokens: Tensor) -> Tensor:
    """Lower the logits of earlier tokens, as sampling does by default.

    Shapes: logits (B, T + 1, V), tokens (B, T) -> (B, T + 1, V) float32.
    """
    rows, steps, codes = logits.shape
    moments = torch.arange(steps, device=logits.device)
    first_said = moments.new_full((rows, codes), steps)
    first_said.scatter_reduce_(1, tokens, moments[:-1].expand(rows, -1), "amin")
    is_said = first_said[:, None] < moments[:, None]
    return penalize(logits.float(), is_said, torch.tensor(REPETITION_PENALTY))


def _shrink_embeddings(t3: T3) -> None:
    for module in t3.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.1)
    for layer in t3.tfmr.layers:
        for projection in (layer.self_attn.o_proj, layer.mlp.down_proj):
            projection.weight.data /= (2 * len(t3.tfmr.layers)) ** 0.5


def train(training: T3Training, prepared: Iterator[Batch], held_out: list[Batch]) -> None:
    """Train until the time is over; the weights at the end are judged, too."""
    run = training.run
    began = time.time()
    for batch in prepared:
        if run.is_over():
            break
        figures = training.step(batch)
        run.step += 1
        if run.step % LOG_STEPS == 0:
            shown = {name: mean_of([value.detach()]) for name, value in figures.items()}
            ms = (time.time() - began) / LOG_STEPS * 1000
            judged = training.judge(held_out) if run.step % JUDGE_STEPS == 0 else {}
            run.log(**shown, **judged, ms=ms)
            run.keep(training.parts)
            began = time.time()
    run.log(**training.judge(held_out))
    run.keep(training.parts, force=True)


def main() -> None:
    """Run the stage."""
    options = StageOptions.parse(__doc__)
    seed = SEED if options.seed is None else options.seed
    torch.manual_seed(seed)
    torch.set_float32_matmul_precision("high")
    # cuDNN makes a plan for every shape, and every batch has another: 190 ms a step instead of 75.
    torch.backends.cuda.enable_cudnn_sdp(False)
    path = options.state / "tokenizer.json"
    write_tokenizer(path)
    tokenizer = TextTokenizer(path)
    lines = EncodedLines(options.state)
    lines.wait_for(FIRST_HOURS)
    source = RowSource(lines.training(), tokenizer, random.Random(seed))
    judged = RowSource(lines.held_out(), tokenizer, random.Random(16))
    rows = sorted(judged.rows[:JUDGED], key=lambda row: row.positions)
    held_out = [
        judged.collate(rows[i : i + 64]).to(options.device) for i in range(0, len(rows), 64)
    ]
    run, device = options.run_state("t3"), options.device
    batches = source.batches(lambda: batch_positions(run.progress), lines.refresh)
    training = T3Training(run, device, rate=options.rate, dropout=options.dropout)
    train(training, prefetch(batches, device), held_out)


if __name__ == "__main__":
    main()
