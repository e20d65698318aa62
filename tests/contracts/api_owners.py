"""Nothing of one owner is seen, changed or disturbed by another, on any route."""

import threading
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import httpx

from tests.unit.api.conftest import recording
from tests.unit.api.routes.jobs import submit

KEYS = {"ann": "ann-key", "bob": "bob-key"}
ANN, BOB = ({"Authorization": f"Bearer {key}"} for key in KEYS.values())
NOWHERE = f"job_{'0' * 26}"


def routes(client: httpx.Client) -> list[tuple[str, str]]:
    paths = client.get("/openapi.json").json()["paths"]
    return [
        (method, path)
        for path, calls in paths.items()
        for method in calls
        if path.startswith("/v1/")
    ]


def get_as(client: httpx.Client, url: str, headers: dict[str, str]) -> httpx.Response:
    """Read a URL with these headers, without the key that the client sends otherwise."""
    request = client.build_request("GET", url, headers=headers)
    if not headers:
        del request.headers["Authorization"]
    return client.send(request)


def upload(client: httpx.Client, headers: dict[str, str]) -> httpx.Response:
    files = {"file": ("me.wav", recording(6.0))}
    return client.post("/v1/voices", data={"name": "me"}, files=files, headers=headers)


class ApiOwnersContract:
    """Needs a fixture `client` whose server has KEYS."""

    def test_every_route_that_names_a_thing_hides_it_from_others(
        self, client: httpx.Client
    ) -> None:
        voice = upload(client, ANN).json()
        client.headers.update(ANN)
        job = submit(client, labels={"whose": "ann"})
        plan = client.post("/v1/plans", json={"text": "Ann's own."}).json()
        webhook = client.post("/v1/webhooks", json={"url": "https://example.com/"}).json()
        test = client.post(f"/v1/webhooks/{webhook['id']}/test").json()
        document = client.post("/v1/uploads", json={"name": "a.txt", "size_bytes": 1}).json()
        ids = {"{job_id}": job["id"], "{voice_id}": voice["id"], "{name}": "audio.m4b"}
        ids |= {"{index}": "0", "{segment}": "0-0.m4s", "{plan_id}": plan["id"]}
        ids |= {"{webhook_id}": webhook["id"], "{delivery_id}": test["id"]}
        ids |= {"{upload_id}": document["id"], "{key_id}": f"key_{'0' * 26}"}
        named = [(method, path) for method, path in routes(client) if "{" in path]
        assert len(named) >= 9
        for method, path in named:
            address = path
            for placeholder, value in ids.items():
                address = address.replace(placeholder, value)
            body = {"json": {}} if method == "patch" else {}
            answer = client.request(method, address, headers=BOB, **body)
            # Only an admin may ask about keys at all.
            code = "scope_missing" if path.startswith("/v1/keys") else "not_found"
            assert answer.json()["code"] == code, f"{method} {path}"
        assert client.get(job["urls"]["self"]).json()["state"] == "queued"
        assert client.get(f"/v1/voices/{voice['id']}").is_success
        assert client.get(plan["urls"]["self"]).is_success
        assert client.get(f"/v1/webhooks/{webhook['id']}").json()["is_disabled"] is False

    def test_a_signed_url_is_good_for_its_own_path_only(self, client: httpx.Client) -> None:
        client.headers.update(ANN)
        mine, other = (submit(client)["urls"]["listen"] for _ in range(2))
        for headers in ({}, BOB):  # the URL says whose it is, whoever else is signed in
            assert get_as(client, mine, headers).json()["code"] == "nothing_spoken"
        path, _, signature = mine.partition("?")
        theirs, _, _ = other.partition("?")
        for url in (f"{theirs}?{signature}", mine[:-2], f"{path}?signature=x"):
            assert get_as(client, url, {}).json()["code"] == "signature_invalid"
        job = path.removesuffix("/listen.m3u8")
        for rest in ("", "/chunks", "/events", "/artifacts"):
            answer = get_as(client, f"{job}{rest}?{signature}", {})
            assert answer.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY}

    def test_lists_and_names_are_each_owners_own(self, client: httpx.Client) -> None:
        upload(client, ANN)
        client.headers.update(ANN)
        submit(client)
        assert client.get("/v1/jobs", headers=BOB).json()["items"] == []
        assert client.get("/v1/voices", headers=BOB).json()["items"] == []
        client.post("/v1/webhooks", json={"url": "https://example.com/"})
        assert client.get("/v1/webhooks", headers=BOB).json()["items"] == []
        client.post("/v1/uploads", json={"name": "a.txt", "size_bytes": 1})
        assert client.get("/v1/uploads", headers=BOB).json()["items"] == []
        theirs = client.post("/v1/jobs", json={"text": "Hello.", "voice": "me"}, headers=BOB)
        assert theirs.json()["errors"][0]["pointer"] == "/voice"
        spoken = {"model": "rhapsode", "input": "Hello.", "voice": "me"}
        assert client.post("/v1/audio/speech", json=spoken, headers=BOB).json()["code"] == (
            "not_found"
        )
        assert upload(client, BOB).status_code == HTTPStatus.ACCEPTED

    def test_no_job_is_made_of_the_upload_of_another(self, client: httpx.Client) -> None:
        made = client.post("/v1/uploads", json={"name": "a.txt", "size_bytes": 6}, headers=ANN)
        upload = made.json()
        put = client.put(f"/v1/uploads/{upload['id']}", content=b"Hello.", headers=ANN)
        assert put.status_code == HTTPStatus.NO_CONTENT
        for path in ("/v1/jobs", "/v1/plans"):
            theirs = client.post(path, json={"upload": upload["id"]}, headers=BOB)
            assert theirs.json()["errors"][0]["pointer"] == "/upload"
        mine = client.post("/v1/jobs", json={"upload": upload["id"]}, headers=ANN)
        assert mine.status_code == HTTPStatus.ACCEPTED

    def test_no_job_is_made_of_the_plan_of_another(self, client: httpx.Client) -> None:
        plan = client.post("/v1/plans", json={"text": "Ann's own."}, headers=ANN).json()
        theirs = client.post("/v1/jobs", json={"plan": plan["id"]}, headers=BOB)
        assert theirs.json()["errors"][0]["pointer"] == "/plan"
        mine = client.post("/v1/jobs", json={"plan": plan["id"]}, headers=ANN)
        assert mine.status_code == HTTPStatus.ACCEPTED

    def test_every_route_of_owners_asks_for_a_key(self, client: httpx.Client) -> None:
        for method, path in routes(client):
            if path == "/v1/session":  # where a browser signs in with a key
                continue
            answer = client.request(method, path.replace("{", "").replace("}", ""))
            assert answer.status_code == HTTPStatus.UNAUTHORIZED, f"{method} {path}"

    def test_polls_do_not_suffer_from_those_of_others(self, client: httpx.Client) -> None:
        client.headers.update(ANN)
        path = submit(client)["urls"]["self"]
        is_over = threading.Event()

        def poison() -> None:
            while not is_over.is_set():
                client.get("/v1/jobs/%00", headers=BOB)
                client.get(f"/v1/jobs/{NOWHERE}", headers=BOB)

        with ThreadPoolExecutor(4) as pool:
            others = [pool.submit(poison) for _ in range(4)]
            answers = {client.get(path).status_code for _ in range(40)}
            is_over.set()
            for other in others:
                other.result()
        assert answers == {HTTPStatus.OK}

    def test_no_job_is_delivered_into_the_folder_of_another(self, client: httpx.Client) -> None:
        client.headers.update(ANN)
        job = submit(client)
        for prefix in (job["id"], f"{job['id']}/1-1", f"books/{job['id']}"):
            body = {"text": "Bob.", "destination": {"prefix": prefix}}
            answer = client.post("/v1/jobs", json=body, headers=BOB)
            assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
