"""Submits a text to a server and fetches the result, as `rhapsode submit` does."""

from collections.abc import Callable
from typing import Any

from rhapsode.http_client import ApiClient
from rhapsode.progress import Rendered
from rhapsode.submit import NarrationRequest, begin, finish


def submit(
    client: ApiClient, request: NarrationRequest, show: Callable[[Rendered], None]
) -> dict[str, Any]:
    """Return the job after its files were fetched."""
    return finish(client, begin(client, request), show)
