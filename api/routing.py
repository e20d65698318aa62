"""Routers whose GET endpoints answer HEAD, too, and the methods at an address."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from starlette.routing import Match

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Router(APIRouter):
    """FastAPI's, and HEAD wherever GET is; OpenAPI names the GET only."""

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add a route, and its twin for HEAD if it is for GET."""
        super().add_api_route(path, endpoint, **options)
        if "GET" in (options.get("methods") or ["GET"]):
            twin = {"methods": ["HEAD"], "include_in_schema": False}
            super().add_api_route(path, endpoint, **options | twin)


def allowed_methods(request: Request) -> list[str]:
    """Return the methods at an address, none if nothing is there.

    Every route is asked: the framework names the methods of the first one only.
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
