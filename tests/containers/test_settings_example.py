"""`.env.example` names every setting, with its true default, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import BaseModel

from narration.settings import DirectoryProfile, S3Profile, Settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"
PROFILE = "RHAPSODE_STORAGE__PROFILES__DEFAULT__"


def listed() -> list[tuple[str, str]]:
    text = EXAMPLE.read_text(encoding="utf-8")
    return re.findall(r"^#?(RHAPSODE_[A-Z0-9_]+)=(.*)$", text, re.MULTILINE)


def written(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def settings_with_defaults() -> Iterator[tuple[str, str]]:
    for name, field in Settings.model_fields.items():
        prefix = f"RHAPSODE_{name.upper()}"
        if not isinstance(field.default, BaseModel):
            yield prefix, ""  # the data directory depends on who runs it
            continue
        for part, default in field.default:
            if isinstance(default, dict):
                continue  # entries have names of the operator's choosing; see below
            yield f"{prefix}__{part.upper()}", written(default)
    for profile in (DirectoryProfile, S3Profile):
        for part, inner in profile.model_fields.items():
            if part == "kind":
                yield PROFILE + "KIND", get_args(inner.annotation)[0]
            else:
                yield (
                    PROFILE + part.upper(),
                    written(None if inner.is_required() else inner.default),
                )
    yield "RHAPSODE_API__KEYS__ALICE", ""


def test_example_lists_every_setting_with_its_default() -> None:
    assert sorted(set(listed())) == sorted(set(settings_with_defaults()))


def test_example_holds_no_secret() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    secrets = re.findall(r"^#?(\w*(?:PASSWORD|SECRET|KEY)\w*)=(.+)$", text, re.MULTILINE)
    assert secrets == []
