"""A listening run as a table for a person and as JSON for a script."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from tests.listen.figures import Figure, Part, percents
from tests.listen.targets import TARGETS, TEACHER_WORD_ERROR

WORST = 8


def show(parts: Sequence[Part]) -> None:
    console = Console(width=140)
    console.print(_table(parts))
    console.print(
        f"The teacher's own word error, 34 of the sentences: {percents(TEACHER_WORD_ERROR)}"
    )
    for part in parts:
        for name, comparison in part.worst(WORST):
            console.print(f"[dim]{name}[/] {comparison.said} [dim]|[/] {comparison.heard}")


def as_json(parts: Sequence[Part], model: str) -> str:
    content = {
        "model": model,
        "teacher_word_error": TEACHER_WORD_ERROR,
        "figures": {f.key: _figure(f) for part in parts for f in part.figures},
        "took_s": {part.name: round(part.took_s, 1) for part in parts},
        "heard": {
            part.name: {name: [asdict(c) for c in found] for name, found in part.heard.items()}
            for part in parts
        },
    }
    return json.dumps(content, indent=1) + "\n"


def _table(parts: Sequence[Part]) -> Table:
    took_s = sum(part.took_s for part in parts)
    table = Table(title=f"What is heard ({took_s:.0f} s)")
    table.add_column("what")
    for name in ("measured", "target", "limit"):
        table.add_column(name, justify="right")
    table.add_column("")
    table.add_column("made of")
    for part in parts:
        for figure in part.figures:
            table.add_row(*_row(figure))
        table.add_section()
    return table


def _row(figure: Figure) -> list[str]:
    target = TARGETS[figure.key]
    sign = "≤" if target.is_most else "≥"
    limit = "" if target.limit is None else f"{sign} {target.form.format(target.limit)}"
    return [
        target.what,
        target.form.format(figure.measured),
        f"{sign} {target.form.format(target.goal)}",
        limit,
        "LOST" if figure.is_lost else "met" if figure.is_at_goal else "below",
        figure.detail,
    ]


def _figure(figure: Figure) -> dict[str, object]:
    target = TARGETS[figure.key]
    return {
        "measured": figure.measured,
        "target": target.goal,
        "limit": target.limit,
        "is_at_goal": figure.is_at_goal,
        "detail": figure.detail,
    }
