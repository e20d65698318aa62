"""Have the teacher speak lines, in many processes at once, and save the speech in shards.

Each of n processes renders every n-th shard, so that shards are finished in about the order of the
lines. A shard that exists is not rendered again, and no shard is ever incomplete.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.clock import Deadline
from training.teacher.graph import Breath, Spoken, TeacherGraph
from training.teacher.whistles import take_out_whistles

BREATHS_PER_SHARD = 8
PAD, SPACE = 0, 16  # in the teacher's phoneme table
TEACHER_FRAME = 600  # samples: 25 ms at 24 kHz
PITCH_HOP = TEACHER_FRAME // 2
VOICED_HZ = 10.0
LEAD, TAIL = 4, 8  # teacher frames of silence that are kept around the speech
SILENCE = 0.004  # of full scale: the teacher's pauses are quieter
PEAK = 0.9
MEMORY_SHARE = 0.05  # of a GPU: breaths differ in length, and torch keeps a block for each


def stretch_pitch(exaggeration: float) -> Callable[[Tensor], Tensor]:
    """Scale the pitch around its mean, in octaves: an exaggeration of 0.5 leaves it unchanged.

    The range is 0.6 of the teacher's at 0.25, and 1.8 of it at 1.0.
    """
    factor = 0.2 + 1.6 * exaggeration

    def edit(pitch: Tensor) -> Tensor:
        voiced = pitch > VOICED_HZ
        octaves = pitch.clamp(min=VOICED_HZ).log2()
        mean = (octaves * voiced).sum() / voiced.sum().clamp(min=1)
        return torch.where(voiced, 2 ** (mean + factor * (octaves - mean)), pitch)

    return edit


def loudness_gain(exaggeration: float) -> float:
    """Speak a livelier line louder: -1 dB at 0.25, +2 dB at 1.0."""
    return float(10 ** (4.0 * (exaggeration - 0.5) / 20))


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A stretch of speech. Shapes: audio (S,), durations (phonemes,), pitch (2 frames,)."""

    audio: Tensor
    durations: Tensor
    pitch: Tensor


def cut(spoken: Piece, counts: list[int]) -> list[Piece]:
    """Cut a breath into its lines, at the quietest teacher frame between them.

    `counts`: phonemes of each line; a pad stands before the first, a space or pad after each.
    """
    levels = _levels(spoken.audio)
    ends = spoken.durations.cumsum(0).long().clamp(max=len(levels))
    borders, first = [0], 1
    for count in counts[:-1]:
        mark, space = int(ends[first + count - 2]), int(ends[first + count])
        window = levels[mark : max(space, mark + 1)]
        borders.append(mark + int(window.argmin()))
        first += count + 1
    borders.append(len(levels))
    pieces, first = [], 1
    for start, end, count in zip(borders, borders[1:], counts, strict=False):
        own = ends[first - 1 : first + count + 1].clamp(start, end) - start
        pieces.append(
            Piece(
                audio=spoken.audio[start * TEACHER_FRAME : end * TEACHER_FRAME],
                durations=own.diff(prepend=own.new_zeros(1)),
                pitch=spoken.pitch[2 * start : 2 * end],
            )
        )
        first += count + 1
    return pieces


def trim(piece: Piece) -> Piece:
    """Cut the silence around the speech at teacher frames, keeping durations and pitch in step."""
    levels = _levels(piece.audio)
    loud = (levels > SILENCE).nonzero()
    if not len(loud):
        return piece
    first = max(int(loud[0]) - LEAD, 0)
    last = min(int(loud[-1]) + 1 + TAIL, len(levels))
    ends = piece.durations.cumsum(0).clamp(first, last) - first
    return Piece(
        audio=piece.audio[first * TEACHER_FRAME : last * TEACHER_FRAME],
        durations=ends.diff(prepend=ends.new_zeros(1)),
        pitch=piece.pitch[2 * first : 2 * last],
    )


def _levels(audio: Tensor) -> Tensor:
    frames = audio[: len(audio) // TEACHER_FRAME * TEACHER_FRAME].reshape(-1, TEACHER_FRAME)
    return frames.abs().amax(dim=1)


def render_breaths(
    graph: TeacherGraph, styles: Any, breaths: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Speak breaths: for each line 16-bit audio, teacher frames per phoneme, pitch at 80 Hz."""
    orders = [_order(breath, styles) for breath in breaths]
    try:
        spoken = graph.speak(orders)
    except torch.OutOfMemoryError:  # others may have the rest of the memory
        torch.cuda.empty_cache()
        spoken = [graph.speak([order])[0] for order in orders]
    return [line for b, s in zip(breaths, spoken, strict=True) for line in _lines(b, s)]


def _order(breath: dict[str, Any], styles: Any) -> Breath:
    phonemes = [PAD]
    for line in breath["lines"]:
        phonemes += [*line["phonemes"], SPACE]
    phonemes[-1] = PAD
    rows = styles[breath["voice"]]
    style = torch.from_numpy(rows[min(len(phonemes) - 2, len(rows)) - 1]).float()
    return Breath(
        phonemes=phonemes,
        style=style.reshape(1, -1),
        speed=breath["speed"],
        edit_pitch=stretch_pitch(breath["exaggeration"]),
    )


def _lines(breath: dict[str, Any], spoken: Spoken) -> list[dict[str, Any]]:
    audio, durations, pitch = (
        part.float().cpu()
        for part in (take_out_whistles(spoken.audio.float()), spoken.durations, spoken.pitch)
    )
    audio = (audio * loudness_gain(breath["exaggeration"])).clamp(-PEAK, PEAK)
    whole = Piece(audio=audio, durations=durations, pitch=pitch)
    pieces = cut(whole, [len(line["phonemes"]) for line in breath["lines"]])
    return [
        {
            "audio": (piece.audio * 32767).to(torch.int16).clone(),
            "durations": piece.durations.to(torch.int16),
            "pitch": piece.pitch.half().clone(),
            "text": line["text"],
            "phonemes": [PAD, *line["phonemes"], PAD],
            "voice": breath["voice"],
            "exaggeration": breath["exaggeration"],
        }
        for line, piece in zip(breath["lines"], map(trim, pieces), strict=True)
        if len(piece.audio)
    ]


def main() -> None:
    """Render this process's shards until the deadline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("voices", type=Path)
    parser.add_argument("directions", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--process", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--together", type=int, default=BREATHS_PER_SHARD, help="breaths at once")
    parser.add_argument("--until", type=float, required=True, help="seconds since the epoch")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_float32_matmul_precision("high")
    if torch.device(arguments.device).type == "cuda":
        torch.cuda.set_per_process_memory_fraction(MEMORY_SHARE)
    graph = TeacherGraph(arguments.model, torch.device(arguments.device))
    styles = np.load(arguments.voices)
    breaths = [json.loads(line) for line in arguments.directions.open(encoding="utf-8")]
    deadline = Deadline(arguments.until)
    for shard in range(arguments.process, len(breaths) // BREATHS_PER_SHARD, arguments.processes):
        path = arguments.output / f"shard-{shard:05d}.pt"
        if path.exists():
            continue
        if deadline.is_past():
            return
        start = shard * BREATHS_PER_SHARD
        spoken = []
        for first in range(start, start + BREATHS_PER_SHARD, arguments.together):
            last = min(first + arguments.together, start + BREATHS_PER_SHARD)
            spoken += render_breaths(graph, styles, breaths[first:last])
        temporary = path.with_suffix(f".{time.time_ns()}")
        torch.save(spoken, temporary)
        temporary.rename(path)


if __name__ == "__main__":
    main()
