"""Formulas between dollar signs: read if they have a spoken form, otherwise treated as code.

A formula does not begin or end with a space, and no digit follows it: "$5 and $10" are prices.
Several words in a row are prose, whatever surrounds them: restaurants are rated "$$" and "$$$",
notes are in brackets.
"""

import re

from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from narration.documents.types import SkipReason

_FORMULA = re.compile(
    r"\$\$(?P<display>[^$]{1,2000})\$\$"
    r"|\$(?![\s$])(?P<inline>(?:\\.|[^$\\\n]){0,300}?(?:\\.|[^$\\\s]))\$(?![\d\w])"
    r"|\\\[(?P<block>.{1,600}?)\\\]|\\\((?P<round>.{1,300}?)\\\)",
    re.DOTALL,
)
_PRICE = re.compile(r"\d[\d.,]*(?:\s|$|[-–/])")
_PROSE = re.compile(r"(?<![\\\w])[A-Za-z’'-]{2,}(?:[,;:]? +[A-Za-z’'-]{2,}){2}")
_WORDED = re.compile(r"\\(?:text|textrm|textit|mathrm|mbox|operatorname)\s*\{[^{}]*\}")
_CONCLUSIVE = re.compile(r"[\^_=+<>]|\\[A-Za-z]|\d")
_COMMANDS = {
    "times": "×", "cdot": "·", "div": "÷", "pm": "±", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥",
    "ne": "≠", "neq": "≠", "approx": "≈", "infty": "∞", "to": "→", "rightarrow": "→", "in": "∈",
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Delta": "Δ",
    "Sigma": "Σ", "Omega": "Ω",
}  # fmt: skip
_COMMAND = re.compile(r"\\([A-Za-z]+)\s*")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([\w.]{1,12})\}\s*\{([\w.]{1,12})\}")
_ROOT = re.compile(r"\\sqrt\s*\{([\w.]{1,12})\}")
_GROUPED = re.compile(r"([\^_])\{(-?\w{1,3})\}")
_SPACING = re.compile(r"\\[,;:! ]|~")
_SAYABLE = re.compile(r"[\w\s+\-−*/=<>^().,!%×·÷±≤≥≠≈∞→∈√]{1,60}")


def find_formula(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the signature of markdown-it
    """Turn a formula into one token."""
    if state.src[state.pos] not in "$\\":
        return False
    match = _FORMULA.match(state.src, state.pos, state.posMax)
    if match is None or not _is_formula(match, state.src[max(0, state.pos - 1) : state.pos]):
        return False
    if not silent:
        state.push("math", "", 0).content = match[0]
    state.pos = match.end()
    return True


def _is_formula(match: re.Match[str], before: str) -> bool:
    """Distinguish a formula from prices, "US$ or A$", and brackets that are only escaped."""
    inner = next(filter(None, match.groups()), "")
    if _PROSE.search(_WORDED.sub("", inner)):
        return False
    if match["inline"]:
        return not before.isalnum() and _PRICE.match(inner) is None
    return _CONCLUSIVE.search(inner) is not None


def say_formula(token: Token) -> tuple[str | None, SkipReason | None]:
    """Return how a formula is read, or the reason why it is not."""
    match = _FORMULA.fullmatch(token.content)
    inner = next(filter(None, match.groups()), "") if match else ""
    text = _FRACTION.sub(r"\1/\2", _SPACING.sub(" ", inner))
    text = _GROUPED.sub(r"\1\2", _ROOT.sub(r"√\1", text))
    text = _COMMAND.sub(lambda m: f" {_COMMANDS.get(m[1], m[0])} ", text)
    text = " ".join(text.replace("_", " ").split())
    if "\n" in token.content or not _SAYABLE.fullmatch(text):
        return None, SkipReason.CODE
    return text, None
