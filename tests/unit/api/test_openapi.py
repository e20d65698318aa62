"""The OpenAPI document is complete: bodies that are read as streams, and problem documents."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.job_form import JobRequest


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*(references(value) for value in node.values()))
        if isinstance(node, list):
            return set().union(*(references(value) for value in node))
        return set()

    schemas = document["components"]["schemas"]
    assert {ref.rpartition("/")[2] for ref in references(document)} <= schemas.keys()


def test_examples_are_accepted_as_they_stand(client: TestClient, document: dict[str, Any]) -> None:
    examples = document["components"]["schemas"][JobRequest.__name__]["examples"]
    assert examples
    for example in examples:
        assert client.post("/v1/jobs", json=example).status_code == 202


def test_every_call_documents_its_problems(document: dict[str, Any]) -> None:
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            failures = {
                status: call["responses"][status]["content"].keys()
                for status in call["responses"]
                if status >= "400"
            }
            assert {"422", "500", "503"} <= failures.keys(), f"{method} {path}"
            kinds = set().union(*failures.values())
            assert kinds == {"application/problem+json"}, f"{method} {path}"


def test_calls_of_owners_name_their_key(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"].keys() == {"bearer", "session"}
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            is_owned = path.startswith("/v1/") and path != "/v1/session"
            security = call.get("security", [])
            for scheme in ("bearer", "session"):
                assert ({scheme: []} in security) == is_owned, f"{method} {path}"
            if path == "/v1/session":
                continue
            assert ("401" in call["responses"]) == is_owned, f"{method} {path}"


def test_submission_takes_json_and_forms(document: dict[str, Any]) -> None:
    content = document["paths"]["/v1/jobs"]["post"]["requestBody"]["content"]
    assert content.keys() == {"application/json", "multipart/form-data"}


def test_no_list_promises_to_refuse_duplicates(document: dict[str, Any]) -> None:
    """None does: naming a state or a scope twice means the same as naming it once."""
    assert '"uniqueItems"' not in json.dumps(document)
