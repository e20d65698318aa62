"""Submits a text to a server and fetches the result, as `rhapsode submit` does."""

from collections.abc import Callable

from rhapsode.http_client import ApiClient
from rhapsode.progress import Rendered
from rhapsode.server_answers import ServerJob
from rhapsode.submit import NarrationRequest, begin, finish


def submit(
    client: ApiClient, request: NarrationRequest, show: Callable[[Rendered], None]
) -> ServerJob:
    """Return the job after its files were fetched."""
    return finish(client, begin(client, request), show)
