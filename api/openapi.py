"""What FastAPI cannot derive itself: bodies that are read as streams, and problem documents."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.job_form import JobForm, JobRequest
from api.key_schemas import KeyForm
from api.mending import AcceptForm, RetakeForm, RevisionForm
from api.problem_kinds import MEDIA_TYPE
from api.problems import Problem
from api.schemas import EventBody, VoiceForm
from api.sessions import COOKIE, SessionForm
from api.speech_bodies import SpeechRequest
from api.upload_schemas import UploadForm
from api.voice_schemas import VoicePatch
from api.webhook_schemas import RotateForm, WebhookForm, WebhookPatch

EVERYWHERE = (422, 500, 503)
OF_KEYS = (401, 403, 429)  # for every call that requires a key
UPLOADS = (408, 409, 413, 415)
SCHEME = "bearer"
COOKIE_SCHEME = "session"
SESSION_PATH = "/v1/session"
_REF = "#/components/schemas/{model}"


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=name)}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the failures of a call: these, and those of every call."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": _ref(Problem.__name__)}},
        }
        for status in sorted({*statuses, *EVERYWHERE})
    }


def _form(name: str, **encoding: dict[str, str]) -> dict[str, Any]:
    return {"multipart/form-data": {"schema": _ref(name), "encoding": encoding}}


def _json_body(form: type[BaseModel], *, is_required: bool = True) -> dict[str, Any]:
    content = {"application/json": {"schema": _ref(form.__name__)}}
    return {"requestBody": {"required": is_required, "content": content}}


JOB_BODIES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _ref(JobRequest.__name__)},
            **_form(
                "JobUpload",
                job={"contentType": "application/json"},
                cover={"contentType": "image/jpeg, image/png"},
            ),
        },
    }
}
REVISION_BODIES: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _ref(RevisionForm.__name__)},
            **_form("RevisionUpload"),
        },
    }
}
RETAKE_BODY = _json_body(RetakeForm, is_required=False)
ACCEPT_BODY = _json_body(AcceptForm, is_required=False)
WEBHOOK_BODY = _json_body(WebhookForm)
WEBHOOK_PATCH = _json_body(WebhookPatch)
UPLOAD_BODY = _json_body(UploadForm)
UPLOADED_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
ROTATE_BODY = _json_body(RotateForm, is_required=False)
PLAN_BODIES = JOB_BODIES
VOICE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": _form("VoiceUpload", voice={"contentType": "application/json"}),
    }
}
VOICE_PATCH = _json_body(VoicePatch)
FILE: dict[str, Any] = {"type": "string", "format": "binary"}
DELIVERED: dict[str, Any] = {
    "*/*": {"schema": FILE},
    "application/json": {"schema": {"type": "object"}},
}
# Forms are read as streams, part by part, so no model has these schemas.
FORMS: dict[str, dict[str, Any]] = {
    "JobUpload": {
        "type": "object",
        "additionalProperties": False,
        "required": ["file"],
        "properties": {"file": FILE, "job": _ref(JobForm.__name__), "cover": FILE},
    },
    "RevisionUpload": {
        "type": "object",
        "additionalProperties": False,
        "required": ["file"],
        "properties": {"file": FILE},
    },
    "VoiceUpload": {
        "type": "object",
        "additionalProperties": False,
        "required": ["file", "name"],
        "properties": {
            "file": FILE,
            "name": VoiceForm.model_json_schema()["properties"]["name"],
            "voice": _ref(VoicePatch.__name__),
        },
    },
}

SPEECH_BODY = _json_body(SpeechRequest)
AUDIO: dict[str, Any] = {
    "*/*": {"schema": FILE},  # any audio type, such as audio/mpeg
    "text/event-stream": {"schema": {}},
}

SESSION_BODY = _json_body(SessionForm)
KEY_BODY = _json_body(KeyForm)


def install(app: FastAPI) -> None:
    """Give `app` an OpenAPI document that includes every body."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the way that FastAPI documents


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    bodies = (
        AcceptForm,
        EventBody,
        JobForm,
        JobRequest,
        KeyForm,
        Problem,
        RetakeForm,
        RevisionForm,
        RotateForm,
        SessionForm,
        SpeechRequest,
        UploadForm,
        VoicePatch,
        WebhookForm,
        WebhookPatch,
    )
    models = [(model, "validation") for model in bodies]
    _, ours = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name, schema in {**ours["$defs"], **FORMS}.items():
        schemas.setdefault(name, schema)
    for schema in schemas.values():
        _drop_object_defaults(schema)
    _describe_keys(document)
    return document


def _limit_headers() -> dict[str, Any]:
    return {
        "RateLimit": _header("what the key has left of the limits that this call counts towards"),
        "RateLimit-Policy": _header("the key's limits, if it has any"),
    }


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "required": False, "schema": {"type": "string"}}


def _drop_object_defaults(schema: dict[str, Any]) -> None:
    """Drop defaults of nested objects, which client generators reject; their fields keep theirs."""
    for field in schema.get("properties", {}).values():
        if isinstance(field.get("default"), dict):
            del field["default"]


def _describe_keys(document: dict[str, Any]) -> None:
    scheme = {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of this server; none where the server has no keys.",
    }
    cookie = {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "The session of a signed-in browser; other sites cannot use it.",
    }
    document["components"]["securitySchemes"] = {SCHEME: scheme, COOKIE_SCHEME: cookie}
    for path, calls in document["paths"].items():
        if path.startswith("/v1/") and path != SESSION_PATH:  # signing in needs no key yet
            for call in calls.values():
                for status in OF_KEYS:
                    answer = problems(status)[status]
                    call["responses"].setdefault(str(status), answer)
                for answer in call["responses"].values():
                    answer.setdefault("headers", {}).update(_limit_headers())
                call["responses"]["429"]["headers"]["Retry-After"] = _header("seconds to wait")
                call["security"] = [{SCHEME: []}, {COOKIE_SCHEME: []}, {}]
