"""Dependencies of routes: the open resources of the process, and the caller."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Path, Query, Request
from sqlalchemy import Engine

from api.callers import Caller, find_caller, of_signature
from api.links import Links, prefix_of
from api.metering import Meter, StreamKind
from narration.broker.interface import Broker
from narration.clock import utc_now
from narration.ids import id_pattern
from narration.keys.scopes import Allowance, Scope
from narration.settings import Settings
from narration.storage.profiles import Stores

BUNDLED_VOICE = "^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$"
MAX_SIGNATURE = 1024
_CALLER = "caller"  # key in the request's state, which each request has of its own: found once


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """The resources that are opened once per process."""

    settings: Settings
    database: Engine
    stores: Stores
    broker: Broker


# Both are async because FastAPI would run a plain function on a thread, at ten times the cost.
async def _resources(request: Request) -> Resources:
    resources = request.app.state.resources
    assert isinstance(resources, Resources)
    return resources


async def _caller(request: Request) -> Caller:
    found = request.scope.setdefault("state", {})
    if _CALLER not in found:
        state = request.app.state
        found[_CALLER] = await find_caller(request, state.keys, state.resources.settings.api)
    caller: Caller = found[_CALLER]
    return caller


async def _media_caller(
    request: Request, signature: Annotated[str | None, Query(max_length=MAX_SIGNATURE)] = None
) -> Caller:
    state, settings = request.app.state, request.app.state.resources.settings.api
    is_open = not settings.keys and not await state.keys.has_keys()
    if signature is None or is_open:
        return await _caller(request)
    return await of_signature(request, signature, state.keys, settings)


WithCaller = Annotated[Caller, Depends(_caller)]
_MediaCaller = Annotated[Caller, Depends(_media_caller)]


class Access:
    """Checks that a caller may use a route, and returns the owner; no scope: any key will do.

    The table in docs/authorization.md is generated from these.
    """

    takes_signatures = False

    def __init__(
        self, scope: Scope | None, *, stream: StreamKind | None = None, also: Scope | None = None
    ) -> None:
        self.scopes = tuple(each for each in (scope, also) if each is not None)
        self.stream = stream

    async def __call__(self, request: Request, caller: WithCaller) -> str:
        """Return the owner. Raises: ScopeError, LimitError, and what `find_caller` raises."""
        return await self._checked(request, caller)

    async def _checked(self, request: Request, caller: Caller) -> str:
        await request.app.state.meter.admit(request.scope, caller.key, self.stream)
        for scope in self.scopes:
            caller.require(scope)
        return caller.owner


class MediaAccess(Access):
    """For GETs by players and links: a signed URL is as good as a key, for its own path."""

    takes_signatures = True

    async def __call__(self, request: Request, caller: _MediaCaller) -> str:
        """Return the owner. Raises: SignatureError, and what Access raises."""
        return await self._checked(request, caller)


# These two have no parameter for the caller: FastAPI would check the parameters of that dependency
# again for each. The route that is called most calls them itself.
async def find_allowance(request: Request) -> Allowance | None:
    """Return what the key of a request may still submit. Raises: what `find_caller` raises."""
    meter: Meter = request.app.state.meter
    return meter.allowance((await _caller(request)).key)


async def make_links(request: Request) -> Links:
    """Return the maker of links in answers to this caller. Raises: what `find_caller` raises."""
    return _make_links(request, await _caller(request))


def _make_links(request: Request, caller: Caller) -> Links:
    signer = caller.signer
    return Links(
        prefix=prefix_of(request.scope),
        owner=signer.name if signer else caller.owner,
        key=signer.key if signer else None,
        lasts_s=request.app.state.resources.settings.api.signed_url_s,
        now=utc_now(),
    )


async def _media_links(request: Request, caller: _MediaCaller) -> Links:
    return _make_links(request, caller)


# A malformed id is refused before any query.
JobId = Annotated[str, Path(pattern=id_pattern("job"))]
ChunkIndex = Annotated[int, Path(ge=0, le=2**31 - 1)]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255)]
KeyId = Annotated[str, Path(pattern=id_pattern("key"))]
PlanId = Annotated[str, Path(pattern=id_pattern("plan"))]
UploadId = Annotated[str, Path(pattern=id_pattern("upload"))]
WebhookId = Annotated[str, Path(pattern=id_pattern("hook"))]
DeliveryId = Annotated[str, Path(pattern=id_pattern("msg"))]
VoiceId = Annotated[str, Path(pattern=id_pattern("voice"))]
AnyVoiceId = Annotated[str, Path(pattern=f"{id_pattern('voice')}|{BUNDLED_VOICE}")]
WithResources = Annotated[Resources, Depends(_resources)]
# The owner whose resources a route uses, by the scope that the route requires.
AnyOwner = Annotated[str, Depends(Access(None))]
ReadOwner = Annotated[str, Depends(Access(Scope.READ))]
SubmitOwner = Annotated[str, Depends(Access(Scope.SUBMIT))]
# Sending events to an address requires the right to read them.
WebhookOwner = Annotated[str, Depends(Access(Scope.SUBMIT, also=Scope.READ))]
# The same for responses that are streams, which are counted.
FollowingOwner = Annotated[str, Depends(Access(Scope.READ, stream=StreamKind.EVENTS))]
SpeakingOwner = Annotated[str, Depends(Access(Scope.SUBMIT, stream=StreamKind.SPEECH))]
VoicesOwner = Annotated[str, Depends(Access(Scope.VOICES))]
AdminOwner = Annotated[str, Depends(Access(Scope.ADMIN))]
MediaOwner = Annotated[str, Depends(MediaAccess(Scope.READ))]
WithAllowance = Annotated[Allowance | None, Depends(find_allowance)]
WithLinks = Annotated[Links, Depends(make_links)]
WithMediaLinks = Annotated[Links, Depends(_media_links)]
