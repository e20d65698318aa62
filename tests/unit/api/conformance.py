"""Compares answers with the OpenAPI document: statuses, media types and bodies."""

import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator


class Conformance:
    """Checks answers against one document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._paths = [
            (re.compile(re.sub(r"\{[^/]+\}", "[^/]+", path)), calls)
            for path, calls in document["paths"].items()
        ]
        self._validator = cache(self._make_validator)

    def check(self, method: str, path: str, status: int, media_type: str, body: Any) -> None:
        """Raise an AssertionError if an answer is not as the document says."""
        what = f"{method} {path} -> {status} {media_type}"
        calls = next((calls for form, calls in self._paths if form.fullmatch(path)), None)
        call = (calls or {}).get("get" if method == "HEAD" else method.lower())
        if call is None:
            return
        assert str(status) in call["responses"], f"{what}: this status is not documented"
        content = call["responses"][str(status)].get("content", {})
        if body is None or "*/*" in content:
            return
        assert media_type in content, f"{what}: documented are {sorted(content)}"
        reference = content[media_type]["schema"].get("$ref")
        if reference is not None:
            errors = [error.message for error in self._validator(reference).iter_errors(body)]
            assert errors == [], f"{what}: {errors}"

    def _make_validator(self, reference: str) -> Draft202012Validator:
        components = self._document["components"]
        return Draft202012Validator({"$ref": reference, "components": components})
