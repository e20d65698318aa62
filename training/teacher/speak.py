"""Have the teacher read lines, each into its own WAV file, with or without its whistles.

Makes the recordings for the built-in voices, and the speech that `tests.listen.teacher` measures.
Runs on the CPU where the teacher's packages are installed.
"""

import argparse
from pathlib import Path

import numpy as np
import soundfile
import torch
from kokoro_onnx.tokenizer import Tokenizer

from training.teacher.graph import Breath, TeacherGraph
from training.teacher.render import PAD
from training.teacher.whistles import RATE_HZ, take_out_whistles


def main() -> None:
    """Read a text file line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("voices", type=Path)
    parser.add_argument("lines", type=Path, help="one to a line")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--voice", required=True)
    parser.add_argument("--every", type=int, default=1, help="read every n-th line")
    parser.add_argument("--clean", action="store_true", help="without the steady tones")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    tokenizer, graph = Tokenizer(), TeacherGraph(arguments.model, torch.device("cpu"))
    styles = np.load(arguments.voices)[arguments.voice]
    lines = arguments.lines.read_text("utf-8").splitlines()[:: arguments.every]
    for number, line in enumerate(lines):
        spoken = " ".join(tokenizer.phonemize(line, "en-us").split())
        ids = tokenizer.tokenize(spoken)
        style = torch.from_numpy(styles[min(len(ids), len(styles)) - 1]).float().reshape(1, -1)
        [spoken] = graph.speak([Breath(phonemes=[PAD, *ids, PAD], style=style, speed=1.0)])
        audio = take_out_whistles(spoken.audio) if arguments.clean else spoken.audio
        path = arguments.folder / f"{number:03d}.wav"
        soundfile.write(path, audio.numpy(), RATE_HZ, subtype="FLOAT")


if __name__ == "__main__":
    main()
