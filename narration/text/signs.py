"""Names of single signs."""

import re

from narration.text.currencies import SIGNS, currency

SPOKEN_SIGNS = {
    "&": "and", "#": "hash", "%": "percent", "@": "at", "=": "equals", "+": "plus", "×": "times",
    "÷": "divided by", "±": "plus or minus", "°": "degrees", "¢": "cents", "§": "section",
    "¶": "paragraph", "©": "copyright", "‰": "per mille", "№": "number",
    "≤": "less than or equal to",
    "≥": "greater than or equal to", "≠": "not equal to", "≈": "approximately",
    "≅": "approximately",
    "≡": "equivalent to", "∝": "proportional to", "∞": "infinity", "√": "the square root of",
    "∑": "the sum of", "∏": "the product of", "∫": "the integral of", "∂": "partial", "∆": "delta",
    "∇": "nabla", "∈": "in", "∉": "not in", "⊂": "subset of", "∪": "union", "∩": "intersection",
    "∅": "the empty set", "∀": "for all", "∃": "there exists", "¬": "not", "∧": "and", "∨": "or",
    "→": "to", "←": "from", "↔": "to and from", "⇒": "implies", "⇔": "if and only if",
    "∴": "therefore",
    "∵": "because", "·": "dot", "<": "less than", ">": "greater than", "*": "asterisk",
    "^": "caret", "~": "tilde", "\\": "backslash", "−": "minus", "♯": "sharp", "♭": "flat",
    "℃": "degrees Celsius", "℉": "degrees Fahrenheit", "⁄": "slash", "Ω": "ohms", "µ": "micro",
    "♀": "female", "♂": "male",
}  # fmt: skip
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi",
    "ο": "omicron", "π": "pi", "ρ": "rho", "σ": "sigma", "ς": "sigma", "τ": "tau", "υ": "upsilon",
    "φ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega",
}  # fmt: skip
_SIGN = re.compile(f" ?([{re.escape(''.join(SPOKEN_SIGNS))}]) ?")
_MONEY = re.compile(
    rf" ?({'|'.join(re.escape(s) for s in sorted(SIGNS, key=len, reverse=True))}) ?"
)
_GREEK_LETTER = re.compile(r"(?<![^\W\d_])[α-ωΑ-Ω](?![^\W\d_])")
_COPYRIGHT = re.compile("(copyright) ©", re.IGNORECASE)
_PLAIN = re.compile(r"[\w\s.,;:!?'\"()/–—-]*+", re.ASCII)


def say_signs(text: str) -> str:
    """Replace single signs by words; runs after every rule that reads a sign with figures."""
    if _PLAIN.fullmatch(text):
        return text
    text = _MONEY.sub(lambda m: f" {currency(m[1]).many} ", text)
    text = _COPYRIGHT.sub(r"\1 ", text.replace("§§", "§"))
    text = _SIGN.sub(lambda m: f" {SPOKEN_SIGNS[m[1]]} ", text)
    return text if text.isascii() else _GREEK_LETTER.sub(_greek, text)


def _greek(match: re.Match[str]) -> str:
    name = _GREEK.get(match[0].lower(), match[0])
    return name.capitalize() if match[0].isupper() else name
