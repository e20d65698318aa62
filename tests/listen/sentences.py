"""A hundred sentences that are in no training text: short, long, names, numbers, questions."""

from pathlib import Path

_FILE = Path(__file__).with_name("sentences.txt")
SENTENCES = tuple(_FILE.read_text(encoding="utf-8").splitlines())
