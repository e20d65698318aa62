"""Score sayings on public suites: `python -m tests.sayings FOLDER...`.

Prints the share of acceptable sayings by class and suite; `--json FILE` writes the same with every
saying, `--wrong` lists what is not acceptable. `--speaker nemo` or `wetext` asks another
normalizer, in an environment that has it (`pip install nemo_text_processing`, `pip install
wetext`); `--said FILE` scores the sayings of such a JSON file again.
"""

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.sayings.equivalence import is_acceptable
from tests.sayings.suites import Case, read_suites

Speaker = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A case, what was said, and whether that will do."""

    case: Case
    said: str
    is_right: bool


def main() -> None:
    """Score one normalizer."""
    options = _options()
    cases = [case for folder in options.folders for case in read_suites(folder)]
    if options.sample:
        cases = random.Random(1).sample(cases, min(options.sample, len(cases)))
    say = _recorded(options.said) if options.said else SPEAKERS[options.speaker]()
    answers = list(_answers(cases, say))
    for name, right, count in _table(answers):
        sys.stdout.write(f"{name:28} {right:5} of {count:5}  {right / count:6.1%}\n")
    if options.wrong:
        for answer in answers:
            if not answer.is_right:
                sys.stdout.write(_describe(answer))
    if options.json:
        options.json.write_text(_report(answers), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--speaker", choices=sorted(SPEAKERS), default="rhapsode")
    parser.add_argument("--said", type=Path, help="a JSON file of an earlier run")
    parser.add_argument("--sample", type=int, help="score so many cases, drawn at random")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--wrong", action="store_true")
    return parser.parse_args()


def _answers(cases: Iterable[Case], say: Speaker) -> Iterable[Answer]:
    for case in cases:
        try:
            said = say(case.written)
        except Exception as error:  # noqa: BLE001 - another normalizer may fail on a case, which counts as its answer
            said = f"[{type(error).__name__}]"
        yield Answer(case=case, said=said, is_right=is_acceptable(case, said))


def _table(answers: list[Answer]) -> Iterable[tuple[str, int, int]]:
    marks: dict[str, list[bool]] = defaultdict(list)
    for answer in answers:
        for name in ("all", f"class {answer.case.kind}", f"suite {answer.case.suite}"):
            marks[name].append(answer.is_right)
    for name in sorted(marks):
        yield name, sum(marks[name]), len(marks[name])


def _describe(answer: Answer) -> str:
    case = answer.case
    return f"\n[{case.kind}] {case.written}\n  {case.want} {case.readings}\n  said {answer.said}\n"


def _report(answers: list[Answer]) -> str:
    scores = {name: {"right": right, "of": count} for name, right, count in _table(answers)}
    said = [
        {
            "suite": answer.case.suite,
            "class": answer.case.kind,
            "written": answer.case.written,
            "readings": answer.case.readings,
            "said": answer.said,
            "is_right": answer.is_right,
        }
        for answer in answers
    ]
    return json.dumps({"scores": scores, "sayings": said}, indent=1, ensure_ascii=False)


def _recorded(path: Path) -> Speaker:
    sayings = json.loads(path.read_text(encoding="utf-8"))["sayings"]
    said = {saying["written"]: saying["said"] for saying in sayings}
    return said.__getitem__


def _rhapsode() -> Speaker:
    from narration.text.normalize import normalize
    from narration.text.sentences import split_sentences

    return lambda text: " ".join(normalize(s) for s in split_sentences(text) or [text])


def _nemo() -> Speaker:
    import logging

    from nemo_text_processing.text_normalization.normalize import Normalizer

    logging.disable(logging.INFO)
    normalizer = Normalizer(input_case="cased", lang="en")
    return lambda text: str(normalizer.normalize(text, punct_post_process=True))


def _wetext() -> Speaker:
    from wetext import Normalizer

    return lambda text: str(Normalizer(lang="en", operator="tn").normalize(text))


SPEAKERS: dict[str, Callable[[], Speaker]] = {
    "rhapsode": _rhapsode,
    "nemo": _nemo,
    "wetext": _wetext,
}


if __name__ == "__main__":
    main()
