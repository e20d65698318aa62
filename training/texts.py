"""Choose what the teacher reads: prose, dictionary entries and made-up lines with names, numbers.

The folder of sources holds plain-text books of Project Gutenberg (`*.txt`) and WordNet's `data.*`
files (Debian package wordnet-base). The same seed and sources give the same lines.
"""

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path

from training.made_up import make_line
from training.misleading_words import rate_words
from training.seldom_words import find_words, make_headings, make_sentences

LINE_LIMIT = 270  # characters; about 18 s of speech
QUOTES = str.maketrans(
    {
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{EM DASH}": "-",
        "\N{EN DASH}": "-",
    }
)
BOOK = re.compile(r"\*\*\* ?START OF.*?\*\*\*(.*)\*\*\* ?END OF", re.DOTALL)
TITLES = "".join(rf"(?<!\b{title}\.)" for title in ("Mr", "Mrs", "Dr", "St"))  # no sentence's end
SENTENCE = re.compile(rf"(?<=[.!?]){TITLES}(?:[\"'])?\s+(?=[\"'A-Z])")
EXAMPLE = re.compile(r'"([^"]{8,200})"')
SPEAKABLE = re.compile(r"[A-Za-z0-9 ,.!?;:'\"()-]+")
ENTRY = re.compile(r"\d{8} \d\d [nvasr] [0-9a-f]{2} (\S+) ")
LEMMA = re.compile(r"[a-z][a-z']+(?:_[a-z]+)?")
DEFINITION = re.compile(r"[^;:(]{15,150}")
SCHOLARLY = re.compile(r"\b(?:genus|genera|family|order|taxonomic|species)\b")
WORD = re.compile(r"[a-z]+")
# Prose has the rhythm of speech, and few words often; definitions have many words once.
SHARES = {
    "prose": 0.40,
    "definitions": 0.17,
    "examples": 0.10,
    "made_up": 0.08,
    "seldom": 0.16,
    "short": 0.05,
    "headings": 0.04,
}
TYPICAL_LENGTH = 35  # characters of a sentence of seldom words
TYPICAL_HEADING = 18
SHORT_LIMIT = 48  # characters: up to nine words


def read_books(folder: Path) -> list[list[str]]:
    """Read the books as paragraphs, each a list of sentences."""
    paragraphs = []
    for path in sorted(folder.glob("*.txt")):
        text = path.read_bytes().decode("utf-8", errors="replace").replace("\r\n", "\n")
        body = BOOK.search(text)
        for block in (body.group(1) if body else text).split("\n\n"):
            sentences = _sentences(" ".join(block.replace("_", "").split()))
            if sentences:
                paragraphs.append(sentences)
    return paragraphs


def _sentences(paragraph: str) -> list[str]:
    clean = paragraph.translate(QUOTES).replace("--", " - ").replace("  ", " ")
    if clean.isupper() or len(clean) < 12 or not SPEAKABLE.fullmatch(clean):
        return []
    return SENTENCE.split(clean)


def read_examples(folder: Path) -> list[str]:
    """Read WordNet's example sentences, with a capital and a full stop added."""
    found: dict[str, None] = {}
    for path in sorted(folder.glob("data.*")):
        for line in path.read_text(encoding="ascii", errors="ignore").splitlines():
            for example in EXAMPLE.findall(line.partition("|")[2]):
                clean = example.strip(" ;,")
                if SPEAKABLE.fullmatch(clean):
                    end = "" if clean[-1] in ".!?" else "."
                    found[clean[0].upper() + clean[1:] + end] = None
    return list(found)


def read_definitions(folder: Path, rng: random.Random) -> list[str]:
    """Read WordNet's words with what they mean, for the spelling and sound of many words.

    Left out are names, the families of plants and animals, and all but the first half sentence.
    """
    found: dict[str, None] = {}
    for path in sorted(folder.glob("data.*")):
        for line in path.read_text(encoding="ascii", errors="ignore").splitlines():
            entry, _, gloss = line.partition("| ")
            head = ENTRY.match(entry)
            meaning = DEFINITION.match(gloss)
            if not head or not meaning or SCHOLARLY.search(gloss):
                continue
            lemma, clean = head.group(1), meaning.group().strip(" ,-")
            if LEMMA.fullmatch(lemma) and SPEAKABLE.fullmatch(clean) and '"' not in clean:
                found[_define(lemma.replace("_", " "), clean, rng)] = None
    return list(found)


def _define(lemma: str, meaning: str, rng: random.Random) -> str:
    mark = rng.choice((",", ",", ":", " -", "."))
    rest = meaning[0].upper() + meaning[1:] if mark == "." else meaning
    return f"{lemma[0].upper()}{lemma[1:]}{mark} {rest}."


def join_sentences(sentences: list[str], rng: random.Random) -> Iterator[str]:
    """Join neighbouring sentences into lines of very different lengths, none over the limit."""
    line = ""
    target = _target_length(rng)
    for sentence in sentences:
        if len(sentence) > LINE_LIMIT:
            continue
        if line and len(line) + 1 + len(sentence) > target:
            yield line
            line, target = "", _target_length(rng)
        line = f"{line} {sentence}".strip()
    if line:
        yield line


def _target_length(rng: random.Random) -> int:
    return min(LINE_LIMIT, int(rng.triangular(20, LINE_LIMIT, 130)))


def count_words(folder: Path) -> Counter[str]:
    """Count the words of the books, in lower case: what a narrator may have to read."""
    lines = chain.from_iterable(read_books(folder))
    return Counter(word for line in lines for word in WORD.findall(line.lower()))


def choose_lines(
    folder: Path, characters: int, seed: int, sounds: Mapping[str, str] | None = None
) -> list[str]:
    """Return shuffled lines from all sources, by their shares, with about that many characters.

    `sounds`: phonemes of words, to find those whose letters mislead; they are read more often.
    """
    rng = random.Random(seed)
    pools = _pool(folder, characters, rng)
    counts = count_words(folder)
    words = find_words(folder, counts, rate_words(sounds, counts) if sounds else {})
    budget = int(characters * SHARES["seldom"] / TYPICAL_LENGTH)
    pools["seldom"] = list(join_sentences(list(islice(make_sentences(words, rng), budget)), rng))
    budget = int(characters * SHARES["headings"] / TYPICAL_HEADING)
    pools["headings"] = list(islice(make_headings(words, rng), budget))
    lines: dict[str, None] = {}
    for name, pool in pools.items():
        rng.shuffle(pool)
        budget = int(characters * SHARES[name])
        for line in pool:
            if budget <= 0:
                break
            lines[line] = None
            budget -= len(line)
    chosen = list(lines)
    rng.shuffle(chosen)
    return chosen


def _pool(folder: Path, characters: int, rng: random.Random) -> dict[str, list[str]]:
    books = read_books(folder)
    examples = read_examples(folder)
    rng.shuffle(examples)
    definitions = read_definitions(folder, rng)
    rng.shuffle(definitions)
    return {
        "prose": [line for p in books for line in join_sentences(p, rng)],
        "short": [s for p in books for s in p if len(s) <= SHORT_LIMIT and s[-1] in ".?!"],
        "definitions": list(join_sentences(definitions, rng)),
        "examples": list(join_sentences(examples, rng)),
        "made_up": [make_line(rng) for _ in range(characters // 400)],
    }


def main() -> None:
    """Write one JSON line of text per utterance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--characters", type=int, default=4_000_000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--sounds", type=Path, help="as training.teacher.sounds writes them")
    arguments = parser.parse_args()
    sounds = json.loads(arguments.sounds.read_text("utf-8")) if arguments.sounds else None
    lines = choose_lines(arguments.sources, arguments.characters, arguments.seed, sounds)
    with arguments.output.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": line}) + "\n" for line in lines)


if __name__ == "__main__":
    main()
