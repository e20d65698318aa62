"""The phoneme that the teacher speaks in each mel frame, as one of its ids.

Stress marks count as part of the next phoneme, length marks as part of the previous one;
punctuation and quiet frames count as silence.
"""

import torch
from torch import Tensor

SILENCE = 0
LABELS = 178  # size of the teacher's phoneme table
LAST_PUNCTUATION = 15  # ids 1 to 15 of that table
STRESS_MARKS = (156, 157)
LENGTH_MARK = 158
QUIET = 100  # of 32,768


def label_frames(spoken: list[int], ends_s: Tensor, moments_s: Tensor, loudest: Tensor) -> Tensor:
    """Return the phoneme at each time.

    Shapes: ends_s (phonemes,); moments_s, loudest (F,) -> (F,) uint8.
    """
    labels = torch.tensor(_merge_marks(spoken))
    place = torch.searchsorted(ends_s, moments_s, right=True).clamp(max=len(spoken) - 1)
    named = labels[place]
    return torch.where(loudest < QUIET, SILENCE, named).to(torch.uint8)


def _merge_marks(spoken: list[int]) -> list[int]:
    labels = [SILENCE if phoneme <= LAST_PUNCTUATION else phoneme for phoneme in spoken]
    for i, phoneme in enumerate(spoken):
        if phoneme == LENGTH_MARK and i > 0:
            labels[i] = labels[i - 1]
    for i in reversed(range(len(spoken) - 1)):
        if spoken[i] in STRESS_MARKS:
            labels[i] = labels[i + 1]
    return labels
