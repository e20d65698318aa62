"""What routes are handed: the open resources of the process, and who is calling."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request
from pydantic import SecretStr
from sqlalchemy import Engine

from api import tokens
from api.errors import ForbiddenError, UnauthorizedError
from api.links import Links, SignatureError, prefix_of, purpose_of
from api.sessions import COOKIE, SAFE_METHODS, is_from_this_site, owner_of_token
from narration.broker.interface import Broker
from narration.clock import utc_now
from narration.ids import id_pattern
from narration.settings import Settings
from narration.storage.profiles import Stores

BUNDLED_VOICE = "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"
LOCAL = "local"  # the owner of everything where no keys are set
MAX_SIGNATURE = 1024


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
    resources = request.app.state.resources
    keys = resources.settings.api.keys
    if not keys:
        return LOCAL
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key:
        owner = owner_of_key(key.strip(), keys)
        if owner is None:
            raise UnauthorizedError("the bearer key is not known here")
        return owner
    owner = signed_in_owner(request, resources)
    if owner is None:
        raise UnauthorizedError("no bearer key was sent")
    if request.method not in SAFE_METHODS and not is_from_this_site(request.headers):
        raise ForbiddenError("a session was sent by another site: use the page of this server")
    return owner


async def _media_owner(
    request: Request, signature: Annotated[str | None, Query(max_length=MAX_SIGNATURE)] = None
) -> str:
    keys = request.app.state.resources.settings.api.keys
    if signature is None or not keys:
        return await _owner(request)
    purpose = purpose_of(request.scope["path"])
    claims = tokens.read(signature, keys, purpose=purpose)
    if claims is None:
        raise SignatureError("the URL was changed, or its owner has another key by now")
    if claims.expires <= utc_now().timestamp():
        raise SignatureError("the URL has expired")
    return claims.owner


def _make_links(request: Request, owner: str) -> Links:
    settings = request.app.state.resources.settings.api
    return Links(
        prefix=prefix_of(request.scope),
        owner=owner,
        key=settings.keys.get(owner),
        lasts_s=settings.signed_url_s,
        now=utc_now(),
    )


async def _links(request: Request, owner: Annotated[str, Depends(_owner)]) -> Links:
    return _make_links(request, owner)


async def _media_links(request: Request, owner: Annotated[str, Depends(_media_owner)]) -> Links:
    return _make_links(request, owner)


def signed_in_owner(request: Request, resources: Resources) -> str | None:
    """Return who signed in with this browser; None if nobody did, or no longer."""
    token = request.cookies.get(COOKIE, "")
    return owner_of_token(token, resources.settings.api.keys, utc_now())


def owner_of_key(candidate: str, keys: Mapping[str, SecretStr]) -> str | None:
    """Return whose key it is; None if it is nobody's."""
    # Every key is compared, each in constant time: the answer's delay tells nothing.
    matches = [
        owner
        for owner, key in keys.items()
        if hmac.compare_digest(candidate.encode(), key.get_secret_value().encode())
    ]
    return matches[0] if matches else None


# A malformed id is refused before anything is asked of the database.
JobId = Annotated[str, Path(pattern=id_pattern("job"))]
ChunkIndex = Annotated[int, Path(ge=0, le=2**31 - 1)]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255)]
PlanId = Annotated[str, Path(pattern=id_pattern("plan"))]
UploadId = Annotated[str, Path(pattern=id_pattern("upload"))]
WebhookId = Annotated[str, Path(pattern=id_pattern("hook"))]
DeliveryId = Annotated[str, Path(pattern=id_pattern("msg"))]
VoiceId = Annotated[str, Path(pattern=id_pattern("voice"))]
AnyVoiceId = Annotated[str, Path(pattern=f"{id_pattern('voice')}|{BUNDLED_VOICE}")]
WithResources = Annotated[Resources, Depends(_resources)]
Owner = Annotated[str, Depends(_owner)]
# Of GETs that players and links make: a signed URL is as good as a key, for its own path.
MediaOwner = Annotated[str, Depends(_media_owner)]
WithLinks = Annotated[Links, Depends(_links)]
WithMediaLinks = Annotated[Links, Depends(_media_links)]
