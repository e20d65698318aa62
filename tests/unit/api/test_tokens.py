"""A token identifies its owner, is valid for one purpose, and becomes invalid with the key."""

import pytest
from pydantic import SecretStr

from api import tokens
from api.tokens import Claims

KEYS = {"anna": SecretStr("one"), "ben.b": SecretStr("two")}


def issue(owner: str = "anna") -> str:
    return tokens.issue(owner, KEYS[owner], purpose=b"reading", expires=1_800_000_000)


@pytest.mark.parametrize("owner", KEYS)
def test_a_token_says_whose_it_is_and_until_when(owner: str) -> None:
    claims = tokens.read(issue(owner), KEYS, purpose=b"reading")
    assert claims == Claims(owner=owner, expires=1_800_000_000)


def test_a_token_is_good_for_its_purpose_only() -> None:
    assert tokens.read(issue(), KEYS, purpose=b"writing") is None


def test_a_token_ends_with_its_key() -> None:
    assert tokens.read(issue(), {"anna": SecretStr("new")}, purpose=b"reading") is None
    assert tokens.read(issue(), {}, purpose=b"reading") is None


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", "YW5uYQ.18.", "\u0661.1.x", "ÿ.1.x", f"YW5uYQ.{9**99}.x"]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert tokens.read(token, KEYS, purpose=b"reading") is None
