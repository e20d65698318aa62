"""What routes are handed: the open resources of the process, and who is calling."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import SecretStr
from sqlalchemy import Engine

from api.errors import UnauthorizedError
from narration.broker.interface import Broker
from narration.ids import id_pattern
from narration.settings import Settings
from narration.storage.profiles import Stores

LOCAL = "local"  # the owner of everything where no keys are set


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Everything that is opened once per process."""

    settings: Settings
    database: Engine
    stores: Stores
    broker: Broker


# Both are async because FastAPI would run a plain function on a thread, at ten times the cost.
async def _resources(request: Request) -> Resources:
    resources = request.app.state.resources
    assert isinstance(resources, Resources)
    return resources


async def _owner(request: Request) -> str:
    keys = request.app.state.resources.settings.api.keys
    if not keys:
        return LOCAL
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise UnauthorizedError("no bearer key was sent")
    owner = _owner_of(key.strip(), keys)
    if owner is None:
        raise UnauthorizedError("the bearer key is not known here")
    return owner


def _owner_of(candidate: str, keys: Mapping[str, SecretStr]) -> str | None:
    # Every key is compared, each in constant time: the answer's delay tells nothing.
    matches = [
        owner
        for owner, key in keys.items()
        if hmac.compare_digest(candidate.encode(), key.get_secret_value().encode())
    ]
    return matches[0] if matches else None


# A malformed id is refused before anything is asked of the database.
JobId = Annotated[str, Path(pattern=id_pattern("job"))]
VoiceId = Annotated[str, Path(pattern=id_pattern("voice"))]
WithResources = Annotated[Resources, Depends(_resources)]
Owner = Annotated[str, Depends(_owner)]
