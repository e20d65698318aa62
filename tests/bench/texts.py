"""Generated books of any size."""

import random

from tests.builders import WORDS

CHARACTERS_PER_HOUR = 54_000  # of English, as narrators read


def make_book(characters: int, seed: int, chapters: int = 20) -> str:
    """Return English words in sentences, paragraphs and chapters; no two books share a sentence."""
    draw = random.Random(seed)
    words = WORDS.replace(",", "").replace(".", "").lower().split()
    text: list[str] = []
    size, chapter = 0, 0
    while size < characters:
        if size * chapters >= characters * chapter:
            chapter += 1
            text.append(f"CHAPTER {chapter}")
        sentences = [
            " ".join(draw.choices(words, k=draw.randint(7, 24))).capitalize() + "."
            for _ in range(draw.randint(3, 7))
        ]
        text.append(" ".join(sentences))
        size += len(text[-1]) + 2
    return "\n\n".join(text)
