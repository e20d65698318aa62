"""Write how each word of the books sounds, for `training.texts`.

Runs where the teacher's packages are installed.
"""

import argparse
import json
from pathlib import Path

from kokoro_onnx.tokenizer import Tokenizer

from training.texts import count_words

LEAST = 3  # times that a word is found


def main() -> None:
    """Read the folder of sources, write a JSON object: word to phonemes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    tokenizer = Tokenizer()
    counts = count_words(arguments.sources)
    words = sorted(word for word, count in counts.items() if count >= LEAST)
    sounds = {word: tokenizer.phonemize(word, "en-us").strip() for word in words}
    arguments.output.write_text(json.dumps(sounds, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
