"""A scripted server for the client's tests, and its answers."""

import hashlib
from typing import Any

import httpx

SOUND = bytes(range(250)) * 8
SHA256 = hashlib.sha256(SOUND).hexdigest()
SIGNED = "https://store.example.org/audio.mp3?signature=s"
PROBLEM = {"detail": "the text is empty", "what_now": "Send a text."}


class PaperServer:
    """Answers by a script: a list of answers per method and path; the last one repeats."""

    def __init__(self) -> None:
        self.script: dict[str, list[httpx.Response | Exception]] = {}
        self.asked: list[httpx.Request] = []

    def on(self, call: str, *answers: httpx.Response | Exception) -> None:
        self.script[call] = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answers = self.script[f"{request.method} {request.url.path}"]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def calls(self, call: str) -> list[httpx.Request]:
        return [r for r in self.asked if f"{r.method} {r.url.path}" == call]


def job(state: str, **fields: Any) -> httpx.Response:
    progress = {
        "chunks_done": 1, "chunks_total": 2, "chunks_cached": 0, "chunks_flagged": 0,
        "audio_s": 3.0,
    }  # fmt: skip
    urls = {
        "self": "/v1/jobs/j", "artifacts": "/v1/jobs/j/artifacts", "retry": "/v1/jobs/j/retry",
    }  # fmt: skip
    body = {
        "id": "j", "state": state, "progress": progress, "error": None, "urls": urls,
        "timings": {"rendering_s": 1.5}, "warnings": [], "field_of_a_newer_server": 1,
    }  # fmt: skip
    return httpx.Response(200, json=body | fields)


def artifacts(sha256: str = SHA256, url: str = SIGNED) -> httpx.Response:
    item = {"name": "audio.mp3", "url": url, "sha256": sha256}
    return httpx.Response(200, json={"items": [item]})


def planned(chunks: int) -> httpx.Response:
    body = {
        "chapters": [{"is_chosen": True}], "chapters_total": 1, "chunks": chunks,
        "reading": {"words": 9}, "estimate": {"audio_s": 4.0}, "warnings": [],
        "urls": {"self": "/v1/plans/p"},
    }  # fmt: skip
    return httpx.Response(201, json=body)
