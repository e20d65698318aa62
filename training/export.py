"""Write the bundle: trained weights in the official files, and the built-in voices.

A built-in voice is prepared like any other, but from a short recording: the flow processes the
prompt again with each chunk, so three seconds cost less than ten.
"""

import argparse
import dataclasses
import shutil
from pathlib import Path

from narration.voices.recording import read_recording
from training.bundle import write_weights
from training.parts import join, read_origin
from worker.chatterbox.checkpoint import DEFAULT_VOICE_FILE, VOICE_FOLDER, load_chatterbox
from worker.chatterbox.reference import voice_from_recording
from worker.chatterbox.voice import save_voice

REFERENCE_S = 3.6


def write_voices(recordings: dict[str, Path], folder: Path) -> None:
    """Prepare each recording under its name; the first is the default voice."""
    (folder / VOICE_FOLDER).mkdir(exist_ok=True)
    networks = load_chatterbox(folder)
    for name, path in recordings.items():
        whole = read_recording(path)
        samples = whole.samples[: int(REFERENCE_S * whole.rate_hz)]
        start = dataclasses.replace(whole, samples=samples)
        save_voice(voice_from_recording(start, networks), folder / VOICE_FOLDER / f"{name}.pt")
    default = next(iter(recordings))
    shutil.copy(folder / VOICE_FOLDER / f"{default}.pt", folder / DEFAULT_VOICE_FILE)


def main() -> None:
    """Write the bundle from saved weights and one recording per voice (NAME=PATH)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("voices", nargs="+", help="NAME=PATH")
    parser.add_argument("--origin", type=Path, help="parts or bundle with what was not trained")
    arguments = parser.parse_args()
    origin = read_origin(arguments.origin) if arguments.origin else {}
    write_weights(origin | join(arguments.parts), arguments.folder)
    named = (voice.partition("=") for voice in arguments.voices)
    write_voices({name: Path(path) for name, _, path in named}, arguments.folder)


if __name__ == "__main__":
    main()
