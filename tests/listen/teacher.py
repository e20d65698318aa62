"""Measures recordings of the teacher, once: the reference for the bundled voices.

`python -m tests.listen.teacher VOICE=FOLDER ...` measures folders of WAV files, one sentence each
(training/README.md says how they are made), and writes `teacher.json`.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import soundfile
import torch
from torch import Tensor

from tests.listen.expression import pitch_range_st
from tests.listen.quality import QualityJudge, join, prominence_db
from tests.listen.render_command import Clip
from tests.listen.speakers import SpeakerJudge, centre
from worker.chatterbox.config import SAMPLE_RATE_HZ

MEASURED = Path(__file__).with_name("teacher.json")
TEACHER_TONES_HZ = (4800, 9600)  # its frame rate, and twice that
OWN_TONES_HZ = (3000, 6000, 9000)  # the frame rate of the bundled vocoder's last stage, and more


@dataclass(frozen=True, slots=True, kw_only=True)
class Teacher:
    """One voice of the teacher. `speaker`: (256,), of unit length."""

    dnsmos: float
    pitch_range_st: float
    tones_db: dict[int, float]
    speaker: list[float]

    def likeness(self, clips: Tensor) -> float:
        """Return the cosine of clips (n, 256) to this speaker."""
        return float(centre(clips) @ torch.tensor(self.speaker))


def measure(clips: list[Clip]) -> Teacher:
    sound = join(clips)
    tones = (*TEACHER_TONES_HZ, *OWN_TONES_HZ)
    return Teacher(
        dnsmos=round(QualityJudge().rate(clips).overall, 3),
        pitch_range_st=round(pitch_range_st(clips), 3),
        tones_db={hz: round(prominence_db(sound, hz), 2) for hz in tones},
        speaker=[round(x, 5) for x in centre(SpeakerJudge().embed(clips)).tolist()],
    )


def read_teachers() -> dict[str, Teacher]:
    """Return the measurements, by the name of the bundled voice that was trained on each voice."""
    content = json.loads(MEASURED.read_text(encoding="utf-8"))
    return {
        voice: Teacher(**known | {"tones_db": {int(k): v for k, v in known["tones_db"].items()}})
        for voice, known in content.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voices", nargs="+", help="VOICE=FOLDER")
    measured = {}
    for voice, _, folder in (text.partition("=") for text in parser.parse_args().voices):
        paths = sorted(Path(folder).glob("*.wav"))
        sounds = [soundfile.read(path, dtype="float32") for path in paths]
        assert all(rate == SAMPLE_RATE_HZ for _, rate in sounds), "the teacher speaks at 24 kHz"
        measured[voice] = asdict(measure([Clip(text="", waveform=sound) for sound, _ in sounds]))
    MEASURED.write_text(json.dumps(measured) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
