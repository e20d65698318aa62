"""The page's colours are those of docs/design.md, with enough contrast."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOKENS = ROOT / "api" / "static" / "styles" / "tokens.css"
TEXTS = ("ink", "quiet", "accent", "bad", "good", "warn")
SHEETS = ("paper", "sheet")
LEAST_TEXT = 5.8
LEAST_EDGE = 3.5

Colours = dict[str, str]


def schemes() -> dict[str, Colours]:
    light, dark = TOKENS.read_text().split("@media (prefers-color-scheme: dark)")
    pattern = re.compile(r"--([a-z-]+): (#[0-9a-f]{6});")
    return {"light": dict(pattern.findall(light)), "dark": dict(pattern.findall(dark))}


def contrast(one: str, other: str) -> float:
    """Contrast of two colours. Source: WCAG 2.2, relative luminance."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_colours_are_those_of_the_design() -> None:
    rows = re.findall(
        r"\| `--([a-z-]+)` \|[^|]+\| (#\w{6}) \| (#\w{6}) \|", (ROOT / "docs/design.md").read_text()
    )
    assert rows
    assert schemes() == {
        "light": {name: light for name, light, _ in rows},
        "dark": {name: dark for name, _, dark in rows},
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_edges_stand_out(scheme: str) -> None:
    colours = schemes()[scheme]
    texts = {(a, b): contrast(colours[a], colours[b]) for a in TEXTS for b in SHEETS}
    texts["on-accent", "accent"] = contrast(colours["on-accent"], colours["accent"])
    texts["ink", "marked"] = contrast(colours["ink"], colours["marked"])
    edges = {("edge", sheet): contrast(colours["edge"], colours[sheet]) for sheet in SHEETS}
    assert {pair: ratio for pair, ratio in texts.items() if ratio < LEAST_TEXT} == {}
    assert {pair: ratio for pair, ratio in edges.items() if ratio < LEAST_EDGE} == {}
