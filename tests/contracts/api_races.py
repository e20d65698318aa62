"""Concurrent calls on one job or voice are answered as documented, in any order."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import httpx

from tests.unit.api.conftest import recording
from tests.unit.api.routes.jobs import submit

Call = Callable[[], httpx.Response]
UPLOADS = 30


def at_once(*calls: Call) -> list[int]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [answer.status_code for answer in pool.map(lambda call: call(), calls)]


class ApiRacesContract:
    """Needs a fixture `client` whose server has no keys."""

    def test_equal_uploads_at_once_are_one_voice(self, client: httpx.Client) -> None:
        sound = recording(6.0)

        def upload() -> httpx.Response:
            files = {"file": ("me.wav", sound)}
            return client.post("/v1/voices", data={"name": "me"}, files=files)

        answers = Counter(at_once(*[upload] * UPLOADS))
        assert answers == {HTTPStatus.ACCEPTED: 1, HTTPStatus.OK: UPLOADS - 1}
        assert len(client.get("/v1/voices").json()["items"]) == 1

    def test_job_is_deleted_once(self, client: httpx.Client) -> None:
        urls = submit(client)["urls"]
        client.post(urls["cancel"])
        answers = Counter(at_once(*[lambda: client.delete(urls["self"])] * 8))
        assert answers == {HTTPStatus.NO_CONTENT: 1, HTTPStatus.NOT_FOUND: 7}

    def test_voice_is_deleted_once(self, client: httpx.Client) -> None:
        files = {"file": ("me.wav", recording(6.0))}
        path = client.post("/v1/voices", data={"name": "me"}, files=files).headers["location"]
        answers = Counter(at_once(*[lambda: client.delete(path)] * 8))
        assert answers == {HTTPStatus.NO_CONTENT: 1, HTTPStatus.NOT_FOUND: 7}

    def test_job_is_retried_once(self, client: httpx.Client) -> None:
        urls = submit(client)["urls"]
        client.post(urls["cancel"])
        answers = Counter(at_once(*[lambda: client.post(urls["retry"])] * 8))
        assert answers == {HTTPStatus.ACCEPTED: 1, HTTPStatus.CONFLICT: 7}
        assert client.get(urls["self"]).json()["attempt"] == 2

    def test_cancel_delete_and_retry_at_once_end_in_a_documented_state(
        self, client: httpx.Client
    ) -> None:
        allowed = {
            HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND,
            HTTPStatus.CONFLICT,
        }  # fmt: skip
        for _ in range(5):
            urls = submit(client)["urls"]
            calls: list[Call] = [
                lambda: client.post(urls["cancel"]),  # noqa: B023 - called before the next round
                lambda: client.delete(urls["self"]),  # noqa: B023
                lambda: client.post(urls["retry"]),  # noqa: B023
            ]
            assert set(at_once(*calls * 3)) <= allowed
