"""Signing in with a key, once per browser: what the page needs to play and download."""

from fastapi import Request, Response
from pydantic import ValidationError

from api.bodies import BodyLimits, read_json
from api.callers import LOCAL, of_bearer, of_cookie
from api.deps import WithResources
from api.errors import ForbiddenError, fields_error
from api.keybook import KeyBook
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
from narration.keys.lookup import KnownKey, close_session, open_session
from narration.keys.secret import SESSION_PREFIX, is_secret

MAX_BODY_BYTES = 8192

router = Router(prefix="/v1/session", tags=["session"], responses=problems())


@router.get("", summary="Who is signed in?")
async def get_session(request: Request, resources: WithResources) -> SessionBody:
    """Return who is signed in on this browser, and whether this server requires a key at all."""
    keys, settings = request.app.state.keys, resources.settings.api
    if not settings.keys and not await keys.has_keys():
        return SessionBody(owner=LOCAL, requires_key=False)
    caller = await of_cookie(request.cookies.get(COOKIE, ""), keys, settings)
    return SessionBody(owner=caller and caller.owner, requires_key=True)


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
    keys, settings = request.app.state.keys, resources.settings.api
    if not settings.keys and not await keys.has_keys():
        return SessionBody(owner=LOCAL, requires_key=False)
    caller = await of_bearer(form.key.get_secret_value(), keys, settings)
    if caller.key is None:
        cookie = issue_token(caller.owner, settings.keys[caller.owner], utc_now())
    else:
        cookie = await _open(keys, caller.key)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=LASTS_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return SessionBody(owner=caller.owner, requires_key=True)


@router.delete("", status_code=204, responses=problems(403), summary="Sign out")
async def sign_out(request: Request) -> Response:
    """Delete this browser's cookie; a session with a key from the database ends everywhere."""
    _require_same_site(request)
    cookie = request.cookies.get(COOKIE, "")
    keys: KeyBook = request.app.state.keys
    if is_secret(SESSION_PREFIX, cookie) and await keys.by_session(cookie):
        await keys.write(lambda session: close_session(session, cookie))
        keys.forget()
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


async def _open(keys: KeyBook, key: KnownKey) -> str:
    now = utc_now()
    return await keys.write(lambda session: open_session(session, key, lasts_s=LASTS_S, now=now))


def _require_same_site(request: Request) -> None:
    """Refuse requests that another site makes a browser send; other clients send neither header."""
    is_browser = "origin" in request.headers or "sec-fetch-site" in request.headers
    if is_browser and not is_from_this_site(request.headers):
        raise ForbiddenError("another site asked for it: open the page of this server itself")
