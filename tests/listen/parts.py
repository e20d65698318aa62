"""The parts of a listening run, each from rendering to figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.listen.expression import pitch_range_st, rate_wps
from tests.listen.figures import Figure, least_step, percents, steps
from tests.listen.quality import QualityJudge, join, prominence_db
from tests.listen.recogniser import Recogniser
from tests.listen.render_command import Clip, Reading, RenderCommand, Waveform
from tests.listen.speakers import SpeakerJudge, centre, lead, share_told_apart
from tests.listen.story import narrate
from tests.listen.targets import Key
from tests.listen.teacher import OWN_TONES_HZ, TEACHER_TONES_HZ, read_teachers
from tests.listen.words import Comparison, compare, error_rate
from worker.chatterbox.config import SAMPLE_RATE_HZ

STORY = Path("examples/the-selfish-giant.md")
EXAGGERATIONS = (0.25, 0.5, 1.0)
RECORDING_S = 10
Transcripts = dict[str, list[Comparison]]
PartResult = tuple[list[Figure], Transcripts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """What every part needs. The first voice reads the parts that vary settings."""

    command: RenderCommand
    recogniser: Recogniser
    model: Path
    voices: list[str]
    sentences: list[str]

    def transcribe(self, clips: Sequence[Clip]) -> list[Comparison]:
        return [compare(clip.text, self.recogniser.transcribe(clip.waveform)) for clip in clips]

    def some(self, count: int) -> list[str]:
        """Return this many sentences, spread over the list."""
        return self.sentences[:: max(1, len(self.sentences) // count)][:count]


def measure_sentences(listening: Listening) -> PartResult:
    """Have every voice read every sentence."""
    readings = {v: listening.command.read(listening.sentences, voice=v) for v in listening.voices}
    transcripts = {
        voice: listening.transcribe(reading.clips) for voice, reading in readings.items()
    }
    rates = {voice: error_rate(comparisons) for voice, comparisons in transcripts.items()}
    missing = {voice: sum(c.is_missing for c in found) for voice, found in transcripts.items()}
    speech_s = sum(reading.speech_s for reading in readings.values())
    elapsed_s = sum(reading.elapsed_s for reading in readings.values())
    return [
        Figure(key=Key.BEST_VOICE, measured=min(rates.values()), detail=percents(rates)),
        Figure(key=Key.WORST_VOICE, measured=max(rates.values()), detail=percents(rates)),
        Figure(key=Key.MISSING, measured=sum(missing.values()), detail=_counts(missing)),
        Figure(
            key=Key.SPEED,
            measured=speech_s / elapsed_s,
            detail=f"{speech_s:.0f} s in {elapsed_s:.0f} s, loading included",
        ),
        *_compare_sound({voice: reading.clips for voice, reading in readings.items()}),
    ], transcripts


def _compare_sound(readings: dict[str, list[Clip]]) -> list[Figure]:
    """Compare the sound of readings with the teacher's: denoising costs likeness."""
    quality, speakers = QualityJudge(), SpeakerJudge()
    opinions = {voice: quality.rate(clips) for voice, clips in readings.items()}
    overall = {voice: opinion.overall for voice, opinion in opinions.items()}
    figures = [
        Figure(
            key=Key.QUALITY,
            measured=min(overall.values()),
            detail=", ".join(
                f"{voice} {o.overall:.2f} (signal {o.signal:.2f}, background {o.background:.2f})"
                for voice, o in opinions.items()
            ),
        )
    ]
    known = {voice: found for voice, found in read_teachers().items() if voice in readings}
    if not known:
        return figures  # another model's voices were not made from this teacher
    likeness = {v: t.likeness(speakers.embed(readings[v])) for v, t in known.items()}
    ranges = {v: pitch_range_st(readings[v]) / t.pitch_range_st for v, t in known.items()}
    sounds = {voice: join(readings[voice]) for voice in known}
    figures += [
        Figure(key=Key.LIKENESS, measured=min(likeness.values()), detail=_numbers(likeness)),
        Figure(key=Key.RANGE, measured=min(ranges.values()), detail=_numbers(ranges)),
    ]
    for key, tones in ((Key.WHISTLE, TEACHER_TONES_HZ), (Key.OWN_TONE, OWN_TONES_HZ)):
        excess = {
            f"{voice} {hz} Hz": prominence_db(sounds[voice], hz) - teacher.tones_db[hz]
            for voice, teacher in known.items()
            for hz in tones
        }
        detail = _numbers(excess, "{:+.1f}")
        figures.append(Figure(key=key, measured=max(excess.values()), detail=detail))
    return figures


def measure_story(listening: Listening) -> PartResult:
    """Have the service narrate a story of 1,600 words."""
    narration = narrate(STORY, listening.model, listening.voices[0])
    transcripts = listening.transcribe(narration.clips)
    flagged = sum(chunk["state"] != "accepted" for chunk in narration.manifest["chunks"])
    words = sum(c.words for c in transcripts)
    detail = f"{words} words, {len(transcripts)} chunks, {flagged} flagged"
    return [
        Figure(key=Key.STORY, measured=error_rate(transcripts), detail=detail),
        Figure(key=Key.STORY_MISSING, measured=sum(c.is_missing for c in transcripts)),
        Figure(key=Key.STORY_REPEATED, measured=sum(c.is_repeated for c in transcripts)),
    ], {"story": transcripts}


def measure_guidance(listening: Listening) -> PartResult:
    """Have the same sentences read with and without guidance, by every voice."""
    transcripts = {
        cfg: [
            comparison
            for voice in listening.voices
            for comparison in listening.transcribe(
                listening.command.read(listening.some(50), "--cfg-weight", cfg, voice=voice).clips
            )
        ]
        for cfg in ("0", "0.5")
    }
    rates = {f"cfg {cfg}": error_rate(comparisons) for cfg, comparisons in transcripts.items()}
    gain = rates["cfg 0"] - rates["cfg 0.5"]
    return [Figure(key=Key.GUIDANCE, measured=gain, detail=percents(rates))], {
        f"cfg {cfg}": comparisons for cfg, comparisons in transcripts.items()
    }


def measure_expression(listening: Listening) -> PartResult:
    """Have the same sentences read with less, usual and more expression."""
    readings = [
        listening.command.read(
            listening.some(20), "--exaggeration", str(value), voice=listening.voices[0]
        )
        for value in EXAGGERATIONS
    ]
    pitch = [pitch_range_st(reading.clips) for reading in readings]
    energy = [reading.loudness_lufs for reading in readings]
    rate = [rate_wps(reading.clips) for reading in readings]
    return [
        Figure(key=Key.PITCH, measured=least_step(pitch), detail=steps(pitch, "{:.1f}")),
        Figure(key=Key.ENERGY, measured=least_step(energy), detail=steps(energy, "{:.1f} LUFS")),
        Figure(key=Key.RATE, measured=least_step(rate), detail=steps(rate, "{:.2f}")),
    ], {}


def measure_voices(listening: Listening) -> PartResult:
    """Identify the voices, then clone each from ten seconds of it."""
    judge = SpeakerJudge()
    readings = {
        voice: listening.command.read(listening.some(20), voice=voice) for voice in listening.voices
    }
    clips = {voice: judge.embed(reading.clips) for voice, reading in readings.items()}
    leads = {}
    for voice, reading in readings.items():
        recording = listening.command.keep(f"{voice}.wav", _recording(reading))
        clone = listening.command.read(listening.some(8), voice=str(recording))
        others = [centre(found) for name, found in clips.items() if name != voice]
        leads[voice] = lead(judge.embed(clone.clips), centre(clips[voice]), others)
    detail = ", ".join(f"{voice} {value:+.3f}" for voice, value in leads.items())
    return [
        Figure(key=Key.APART, measured=share_told_apart(list(clips.values()))),
        Figure(key=Key.CLONING, measured=min(leads.values()), detail=detail),
    ], {}


PARTS = {
    "sentences": measure_sentences,
    "story": measure_story,
    "guidance": measure_guidance,
    "expression": measure_expression,
    "voices": measure_voices,
}


def _recording(reading: Reading) -> Waveform:
    sound = np.concatenate([clip.waveform for clip in reading.clips])
    return sound[: RECORDING_S * SAMPLE_RATE_HZ]


def _numbers(values: dict[str, float], form: str = "{:.2f}") -> str:
    return ", ".join(f"{name} {form.format(value)}" for name, value in values.items())


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
