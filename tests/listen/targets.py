"""The goals of the bundled voices and the limits that fail a run, in one table."""

from dataclasses import dataclass
from enum import StrEnum


class Key(StrEnum):
    """A measured figure's name, here and in the JSON."""

    BEST_VOICE = "word_error.best_voice"
    WORST_VOICE = "word_error.worst_voice"
    MISSING = "sentences.missing"
    STORY = "story.word_error"
    STORY_MISSING = "story.chunks_missing"
    STORY_REPEATED = "story.chunks_repeated"
    GUIDANCE = "guidance.gain"
    PITCH = "expression.pitch_step"
    ENERGY = "expression.energy_step"
    RATE = "expression.rate_step"
    APART = "voices.told_apart"
    CLONING = "cloning.lead"
    SPEED = "speed"
    QUALITY = "sound.dnsmos_worst_voice"
    LIKENESS = "sound.likeness_to_teacher"
    RANGE = "sound.pitch_range_of_teacher"
    WHISTLE = "sound.teacher_tone_excess"
    OWN_TONE = "sound.own_tone_excess"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A figure's goal, and the limit beyond which the run fails; it may be stricter."""

    what: str
    goal: float
    limit: (
        float | None
    )  # None if the figure depends on the load of the machine, and must not fail the run
    is_most: bool = False  # the goal and the limit are upper bounds
    form: str = "{:.2f}"

    def meets(self, measured: float, bound: float) -> bool:
        return measured <= bound if self.is_most else measured >= bound


PERCENT = "{:.1%}"
# Limits are near what the bundled model reached with seed 0 on two cores, so that a regression
# fails even where the goal is far away; word errors have room for other random numbers.
TARGETS = {
    Key.BEST_VOICE: Target(
        what="word error, best voice", goal=0.04, limit=0.04, is_most=True, form=PERCENT
    ),
    Key.WORST_VOICE: Target(
        what="word error, worst voice", goal=0.04, limit=0.04, is_most=True, form=PERCENT
    ),
    Key.MISSING: Target(what="sentences missing", goal=0, limit=0, is_most=True, form="{:.0f}"),
    Key.STORY: Target(
        what="word error, story through the service",
        goal=0.05,
        limit=0.04,
        is_most=True,
        form=PERCENT,
    ),
    Key.STORY_MISSING: Target(
        what="chunks of the story missing", goal=0, limit=0, is_most=True, form="{:.0f}"
    ),
    Key.STORY_REPEATED: Target(
        what="chunks of the story repeated", goal=0, limit=0, is_most=True, form="{:.0f}"
    ),
    Key.GUIDANCE: Target(
        what="word error without guidance, less with it", goal=0, limit=-0.01, form="{:+.1%}"
    ),
    Key.PITCH: Target(what="pitch range (semitones), least rise", goal=0, limit=1, form="{:+.2f}"),
    Key.ENERGY: Target(what="energy (LU), least rise", goal=0, limit=0.4, form="{:+.2f}"),
    Key.RATE: Target(what="words per second, least rise", goal=0, limit=0, form="{:+.2f}"),
    Key.APART: Target(
        what="sentences given to their own voice", goal=0.95, limit=0.99, form=PERCENT
    ),
    Key.CLONING: Target(
        what="clone nearer to its own voice by (cosine)", goal=0, limit=0.2, form="{:+.3f}"
    ),
    Key.SPEED: Target(what="seconds of speech per second", goal=2.5, limit=None),
    Key.QUALITY: Target(what="DNSMOS overall, worst voice", goal=3.0, limit=3.1),
    Key.LIKENESS: Target(what="likeness to the teacher (cosine), least", goal=0.9, limit=0.91),
    Key.RANGE: Target(what="pitch range, share of the teacher's, least", goal=0.8, limit=0.82),
    Key.WHISTLE: Target(
        what="steady tone over the teacher's (dB), most",
        goal=3,
        limit=-10,
        is_most=True,
        form="{:+.1f}",
    ),
    Key.OWN_TONE: Target(
        what="vocoder's own tone over the teacher's (dB), most",
        goal=3,
        limit=6,
        is_most=True,
        form="{:+.1f}",
    ),
}

# `make test`: every tenth sentence by the default voice; some 100 words, 3 errors are usual.
FEW_SENTENCES_LIMIT = 0.12

# The teacher's word error with the same recogniser, for 34 of the sentences: training/README.md.
TEACHER_WORD_ERROR = {"kumo": 0.023, "gongitsune": 0.023}
