"""Routers whose GET endpoints also answer HEAD, and the methods that a path allows."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.routing import Match

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Router(APIRouter):
    """FastAPI's router, with HEAD wherever there is GET; OpenAPI lists only the GET."""

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add a route, and one for HEAD if it is for GET."""
        super().add_api_route(path, endpoint, **options)
        if "GET" in (options.get("methods") or ["GET"]):
            twin = {"methods": ["HEAD"], "include_in_schema": False}
            super().add_api_route(path, endpoint, **options | twin)


def allowed_methods(request: Request) -> list[str]:
    """Return the methods that a path allows; none if it does not exist.

    All routes are checked, because the framework names only the methods of the first.
    """
    methods = [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.router.routes
        )
    ]
    return [*methods, "OPTIONS"] if methods else []
