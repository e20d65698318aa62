"""Checks on one spoken chunk. Each limit says why it has its value."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from narration.findings import Finding
from narration.sound.waveform import Waveform
from worker.chatterbox.config import SAMPLE_RATE_HZ, TOKEN_RATE_HZ
from worker.rendering.edges import frame_levels, is_loud

# English is read aloud at 13 to 17 characters a second, hastily at 22, solemnly at 8.
FASTEST_CHARS_PER_S = 30.0
SLOWEST_CHARS_PER_S = 5.0
GRACE_S = 1.5  # added to the longest duration: a one-word line may be drawn out, and has margins
SILENT_DB = -50.0  # the loudest 20 ms of a voice are above -30 dBFS
CLIP_LEVEL = 0.985  # the vocoder clamps at 0.99
CLIPPED_SHARE = 0.005  # a few flat tops on a plosive are inaudible; half a per cent buzzes
LONGEST_SILENCE_S = 2.0  # a full stop takes up to 0.8 s, an ellipsis up to 1.5 s
LONGEST_LOOP_S = 1.2  # a held vowel repeats its token for up to 0.6 s
LOOP_PERIOD_S = 1.0  # a stuck model repeats a sound or a syllable, rarely more
LOOP_TURNS = 3  # twice may be in the text: "no, no"

_FRAME = SAMPLE_RATE_HZ // 50  # 20 ms
_SOUNDED = re.compile(r"\w")


class Flag(StrEnum):
    """What can be wrong with a spoken chunk."""

    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    SILENT = "silent"
    CLIPPED = "clipped"
    INNER_SILENCE = "inner_silence"
    LOOPING = "looping"
    TRUNCATED = "truncated"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of the checks on one spoken chunk."""

    duration_s: float
    findings: tuple[Finding, ...]


def judge(
    tokens: npt.NDArray[np.int64], waveform: Waveform, spoken_text: str, *, is_truncated: bool
) -> Verdict:
    """Check one spoken chunk; every failed check is a finding with its measurements.

    Shapes: tokens (T,); waveform (S,).
    """
    duration_s = waveform.size / SAMPLE_RATE_HZ
    if not waveform.size or not np.isfinite(waveform).all():
        finite = float(np.isfinite(waveform).mean()) if waveform.size else 0.0
        broken = Finding(flag=Flag.BROKEN, measured=finite, limit=1.0, unit="share finite")
        return Verdict(duration_s=duration_s, findings=(broken,))
    findings = [
        *_check_rate(duration_s, spoken_text),
        *_check_level(waveform),
        *_check_clipping(waveform),
        *_check_loop(tokens),
    ]
    if is_truncated:
        limit_s = tokens.size / TOKEN_RATE_HZ
        findings.append(
            Finding(flag=Flag.TRUNCATED, measured=limit_s, limit=limit_s, unit="seconds")
        )
    return Verdict(duration_s=duration_s, findings=tuple(findings))


def _check_rate(duration_s: float, spoken_text: str) -> Iterator[Finding]:
    characters = len(spoken_text) if _SOUNDED.search(spoken_text) else 0
    longest_s = characters / SLOWEST_CHARS_PER_S + GRACE_S
    shortest_s = characters / FASTEST_CHARS_PER_S
    if duration_s > longest_s:
        yield Finding(flag=Flag.TOO_LONG, measured=duration_s, limit=longest_s, unit="seconds")
    if duration_s < shortest_s:
        yield Finding(flag=Flag.TOO_SHORT, measured=duration_s, limit=shortest_s, unit="seconds")


def _check_level(waveform: Waveform) -> Iterator[Finding]:
    levels = frame_levels(waveform, _FRAME)
    loudest_db = 20 * float(np.log10(max(float(levels.max()), 1e-10)))
    if loudest_db < SILENT_DB:
        yield Finding(flag=Flag.SILENT, measured=loudest_db, limit=SILENT_DB, unit="dBFS")
        return
    loud = np.flatnonzero(is_loud(levels))
    gap = int(np.diff(loud).max(initial=1)) - 1
    silence_s = gap * _FRAME / SAMPLE_RATE_HZ
    if silence_s > LONGEST_SILENCE_S:
        yield Finding(
            flag=Flag.INNER_SILENCE, measured=silence_s, limit=LONGEST_SILENCE_S, unit="seconds"
        )


def _check_clipping(waveform: Waveform) -> Iterator[Finding]:
    """Count adjacent samples at the ceiling: a single one is a peak, not a flat top."""
    high = np.abs(waveform) >= CLIP_LEVEL
    share = float((high[1:] & high[:-1]).mean()) if waveform.size > 1 else 0.0
    if share > CLIPPED_SHARE:
        yield Finding(flag=Flag.CLIPPED, measured=share, limit=CLIPPED_SHARE, unit="share")


def _check_loop(tokens: npt.NDArray[np.int64]) -> Iterator[Finding]:
    """Find the longest stretch in which a pattern of up to a second repeats."""
    worst_s = 0.0
    for period in range(1, int(LOOP_PERIOD_S * TOKEN_RATE_HZ) + 1):
        length = _longest_run(tokens[period:] == tokens[:-period]) + period
        if length >= LOOP_TURNS * period:
            worst_s = max(worst_s, length / TOKEN_RATE_HZ)
    if worst_s > LONGEST_LOOP_S:
        yield Finding(flag=Flag.LOOPING, measured=worst_s, limit=LONGEST_LOOP_S, unit="seconds")


def _longest_run(is_equal: npt.NDArray[np.bool_]) -> int:
    breaks = np.flatnonzero(np.concatenate(([True], ~is_equal, [True])))
    return int(np.diff(breaks).max(initial=1)) - 1
