"""Routers whose GET endpoints answer HEAD, too."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter


class Router(APIRouter):
    """FastAPI's, and HEAD wherever GET is; OpenAPI names the GET only."""

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Add a route, and its twin for HEAD if it is for GET."""
        super().add_api_route(path, endpoint, **options)
        if "GET" in (options.get("methods") or ["GET"]):
            twin = {"methods": ["HEAD"], "include_in_schema": False}
            super().add_api_route(path, endpoint, **options | twin)
