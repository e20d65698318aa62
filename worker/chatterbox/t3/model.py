"""T3, text to speech tokens: a Llama between embedding tables, named as in the official files.

A row is [conditioning][text][START][START][speech so far]; docs/model.md explains why START occurs
twice. Decoding with a cache is `worker.chatterbox.t3.decoder`'s business; `forward` is the same
computation over whole rows, with gradients.
"""

import torch
from torch import Tensor, nn

from worker.chatterbox.config import START_SPEECH, T3Config
from worker.chatterbox.t3.conditioning import Conditioning, ConditioningEncoder
from worker.chatterbox.t3.llama import Llama


class PositionTable(nn.Module):
    """Learned positions; a module of its own because the files name its tensor `….emb.weight`."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(rows, width)

    def forward(self, positions: Tensor) -> Tensor:
        """Look up positions. Shapes: (...) -> (..., D)."""
        embedded: Tensor = self.emb(positions)
        return embedded


class T3(nn.Module):
    """Text tokens and conditioning to logits over speech tokens."""

    def __init__(self, config: T3Config) -> None:
        super().__init__()
        self.config = config
        self.tfmr = Llama(config)
        self.cond_enc = ConditioningEncoder(config)
        self.text_emb = nn.Embedding(config.text_vocab, config.width)
        self.speech_emb = nn.Embedding(config.speech_vocab, config.width)
        self.text_pos_emb = PositionTable(config.text_positions, config.width)
        self.speech_pos_emb = PositionTable(config.speech_positions, config.width)
        self.text_head = nn.Linear(config.width, config.text_vocab, bias=False)
        self.speech_head = nn.Linear(config.width, config.speech_vocab, bias=False)

    def forward(
        self,
        text_tokens: Tensor,
        speech_tokens: Tensor,
        conditioning: Conditioning,
        *,
        text_lengths: Tensor,
        speech_lengths: Tensor,
        is_unconditional: Tensor | None = None,
    ) -> Tensor:
        """Predict each speech token from those before it, and what follows the last one.

        `text_tokens` begin with START_TEXT and end with STOP_TEXT; `speech_tokens` have no such
        marks. Both are padded at the end with any valid id; results beyond a row's length are
        undefined.
        Shapes: text_tokens (B, N), speech_tokens (B, T), lengths and is_unconditional (B,)
        -> (B, T + 1, speech vocabulary).
        """
        opening = torch.full_like(speech_tokens[:, :1], START_SPEECH)
        rows, lengths = self.embed_rows(
            text_tokens,
            torch.cat((opening, opening, speech_tokens), dim=1),
            conditioning,
            text_lengths=text_lengths,
            speech_lengths=speech_lengths + 2,
            is_unconditional=is_unconditional,
        )
        hidden = self.tfmr(rows, positions_of(rows))
        first = lengths - speech_lengths - 1
        steps = first[:, None] + torch.arange(speech_tokens.shape[1] + 1, device=first.device)
        steps = steps.clamp_max(rows.shape[1] - 1)[..., None].expand(-1, -1, rows.shape[2])
        logits: Tensor = self.speech_head(hidden.gather(1, steps))
        return logits

    def embed_rows(
        self,
        text_tokens: Tensor,
        speech_tokens: Tensor,
        conditioning: Conditioning,
        *,
        text_lengths: Tensor,
        speech_lengths: Tensor,
        is_unconditional: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Concatenate conditioning, text and speech, with all padding at the end of the row.

        `speech_tokens` begin with one or two START_SPEECH, which share position 0.
        Shapes: as `forward` -> rows (B, L, D), lengths (B,).
        """
        prefix = self.embed_conditioning(conditioning)
        text = self.embed_text(text_tokens, is_unconditional)
        steps = torch.arange(speech_tokens.shape[1], device=speech_tokens.device)
        speech = self.embed_speech(speech_tokens, (steps - 1).clamp_min(0))
        valid = torch.cat(
            (
                prefix.new_ones(prefix.shape[:2], dtype=torch.bool),
                positions_of(text) < text_lengths[:, None],
                positions_of(speech) < speech_lengths[:, None],
            ),
            dim=1,
        )
        lengths = valid.sum(dim=1)
        order = (~valid).to(torch.int8).argsort(dim=1, stable=True)[:, : int(lengths.max())]
        rows = torch.cat((prefix, text, speech), dim=1)
        return rows.gather(1, order[..., None].expand(-1, -1, rows.shape[2])), lengths

    def embed_conditioning(self, conditioning: Conditioning) -> Tensor:
        """Encode the prefix of each row. Shape: (B, conditioning length, D)."""
        tokens = conditioning.prompt_tokens
        steps = torch.arange(tokens.shape[1], device=tokens.device)
        prefix: Tensor = self.cond_enc(conditioning, self.embed_speech(tokens, steps))
        return prefix

    def embed_text(self, tokens: Tensor, is_unconditional: Tensor | None = None) -> Tensor:
        """Add learned positions; an unconditional row keeps only its positions.

        Shapes: tokens (B, N), is_unconditional (B,) -> (B, N, D).
        """
        embedded = self.text_emb(tokens)
        if is_unconditional is not None:
            embedded = embedded.masked_fill(is_unconditional[:, None, None], 0.0)
        steps = torch.arange(tokens.shape[1], device=tokens.device)
        placed: Tensor = embedded + self.text_pos_emb(steps)
        return placed

    def embed_speech(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Add learned positions. Shapes: tokens (..., T), positions (T,) or as tokens."""
        placed: Tensor = self.speech_emb(tokens) + self.speech_pos_emb(positions)
        return placed


def positions_of(rows: Tensor) -> Tensor:
    """Count along the second axis. Shapes: (B, L, ...) -> (B, L)."""
    return torch.arange(rows.shape[1], device=rows.device).expand(rows.shape[0], -1)
