"""Turn lines of text into the teacher's input: phoneme ids, voice, speed and expression.

The teacher speaks several lines in one call, a breath, because a call costs the same at any length;
the audio is cut into lines afterwards.

Runs where the teacher's packages are installed: kokoro-onnx has espeak-ng and the phoneme table.
"""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kokoro_onnx.tokenizer import Tokenizer

BREATH_PHONEMES = 420  # the teacher accepts 510, but speaks too fast towards the end
VOICE_SHARES = {  # the first two become the built-in voices; the others teach cloning
    "jf_gongitsune": 0.46,  # words of this voice are misheard more often
    "jm_kumo": 0.41,
    "jf_alpha": 0.05,
    "jf_nezumi": 0.04,
    "jf_tebukuro": 0.04,
}
PLAIN_SHARE = 0.72  # share of lines spoken at the teacher's own speed and expression
PLAIN = 0.5


def direct_line(rng: random.Random) -> dict[str, Any]:
    """Draw voice, speed and exaggeration of a breath; exaggerated ones are a little faster."""
    plain = rng.random() < PLAIN_SHARE
    exaggeration = PLAIN if plain else round(rng.uniform(0.1, 1.1), 3)
    voice = rng.choices(list(VOICE_SHARES), list(VOICE_SHARES.values()))[0]
    speed = rng.gauss(1.0, 0.04) + 0.16 * (exaggeration - PLAIN)
    return {"voice": voice, "exaggeration": exaggeration, "speed": round(speed, 3)}


def prepare(texts: list[str], rng: random.Random) -> Iterator[dict[str, Any]]:
    """Yield breaths: a direction and the lines spoken in it."""
    tokenizer = Tokenizer()
    lines: list[dict[str, Any]] = []
    length = 0
    for text in texts:
        spoken = " ".join(tokenizer.phonemize(text, "en-us").split())
        ids = tokenizer.tokenize(spoken, limit=None)
        if not 2 <= len(ids) <= BREATH_PHONEMES:
            continue
        if lines and length + 1 + len(ids) > BREATH_PHONEMES:
            yield {**direct_line(rng), "lines": lines}
            lines, length = [], 0
        lines.append({"text": text, "phonemes": ids})
        length += 1 + len(ids)


def main() -> None:
    """Read lines of texts, write lines of directions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=5)
    arguments = parser.parse_args()
    texts = [json.loads(line)["text"] for line in arguments.texts.read_text("utf-8").splitlines()]
    with arguments.output.open("w", encoding="utf-8") as file:
        for breath in prepare(texts, random.Random(arguments.seed)):
            file.write(json.dumps(breath, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
