"""Signing in with a key, once per browser: what the page needs to play and download."""

from fastapi import Request, Response
from pydantic import ValidationError

from api.bodies import BodyLimits, read_json
from api.deps import LOCAL, WithResources, owner_of_key, signed_in_owner
from api.errors import ForbiddenError, UnauthorizedError, fields_error
from api.openapi import SESSION_BODY, problems
from api.routing import Router
from api.sessions import (
    COOKIE,
    LASTS_S,
    SessionBody,
    SessionForm,
    is_from_this_site,
    issue_token,
)
from narration.clock import utc_now

MAX_BODY_BYTES = 8192

router = Router(prefix="/v1/session", tags=["session"], responses=problems())


@router.get("", summary="Who is signed in?")
def get_session(request: Request, resources: WithResources) -> SessionBody:
    """Say who this browser is signed in as, and whether this server asks for a key at all."""
    if not resources.settings.api.keys:
        return SessionBody(owner=LOCAL, requires_key=False)
    return SessionBody(owner=signed_in_owner(request, resources), requires_key=True)


@router.post(
    "",
    response_model=SessionBody,
    openapi_extra=SESSION_BODY,
    responses=problems(401, 403, 408, 413, 415),
    summary="Sign in with a key",
)
async def sign_in(request: Request, response: Response, resources: WithResources) -> SessionBody:
    """Exchange a key for a cookie that scripts cannot read and other sites cannot use."""
    _require_same_site(request)
    timeout_s = resources.settings.api.body_timeout_s
    limits = BodyLimits(size_bytes=MAX_BODY_BYTES, timeout_s=timeout_s)
    try:
        form = SessionForm.model_validate_json(await read_json(request, limits))
    except ValidationError as error:
        raise fields_error(error) from error
    keys = resources.settings.api.keys
    if not keys:
        return SessionBody(owner=LOCAL, requires_key=False)
    owner = owner_of_key(form.key.get_secret_value(), keys)
    if owner is None:
        raise UnauthorizedError("the key is not known here")
    response.set_cookie(
        COOKIE,
        issue_token(owner, keys[owner], utc_now()),
        max_age=LASTS_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return SessionBody(owner=owner, requires_key=True)


@router.delete("", status_code=204, responses=problems(403), summary="Sign out")
async def sign_out(request: Request) -> Response:
    """Forget the cookie of this browser."""
    _require_same_site(request)
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


def _require_same_site(request: Request) -> None:
    """Refuse what another site makes a browser send; programs, which send neither header, pass."""
    is_browser = "origin" in request.headers or "sec-fetch-site" in request.headers
    if is_browser and not is_from_this_site(request.headers):
        raise ForbiddenError("another site asked for it: open the page of this server itself")
