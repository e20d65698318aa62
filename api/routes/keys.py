"""Keys over HTTP, for callers with the scope admin: create, list and revoke keys of any owner."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from fastapi import Query, Request, Response
from pydantic import ValidationError

from api.bodies import JSON, BodyLimits, read_json
from api.deps import AdminOwner, KeyId, WithResources
from api.errors import fields_error
from api.key_schemas import KeyBody, KeyForm, KeyList, KeyQuery, LimitsBody, MadeKeyBody
from api.links import link_next
from api.openapi import KEY_BODY, problems
from api.routing import Router
from narration.clock import utc_now
from narration.keys.manage import NewKey, list_keys, make_key, revoke_key
from narration.keys.record import ApiKey
from narration.keys.scopes import in_order

if TYPE_CHECKING:
    from api.keybook import KeyBook

MAX_BODY_BYTES = 8192

router = Router(prefix="/v1/keys", tags=["keys"], responses=problems(401))


@router.post(
    "",
    status_code=201,
    response_model=MadeKeyBody,
    openapi_extra=KEY_BODY,
    responses=problems(408, 409, 413, 415),
    summary="Create a key",
)
async def create_key(request: Request, resources: WithResources, owner: AdminOwner) -> Response:
    """Create a key for the caller's or another owner; only this response contains its secret."""
    timeout_s = resources.settings.api.body_timeout_s
    body_limits = BodyLimits(size_bytes=MAX_BODY_BYTES, timeout_s=timeout_s)
    try:
        form = KeyForm.model_validate_json(await read_json(request, body_limits))
    except ValidationError as error:
        raise fields_error(error) from error
    new = NewKey(
        owner=form.owner or owner,
        name=form.name,
        scopes=frozenset(form.scopes),
        limits=form.limits.limits,
        expires_at=form.expires_at,
    )
    keys: KeyBook = request.app.state.keys
    new_key = await keys.write(lambda session: make_key(session, new, now=utc_now()))
    body = MadeKeyBody(key=_body(new_key.key), secret=new_key.secret)
    headers = {"Cache-Control": "no-store"}
    return Response(body.model_dump_json(), status_code=201, media_type=JSON, headers=headers)


@router.get("", summary="List keys, newest first")
async def list_all_keys(
    request: Request, response: Response, owner: AdminOwner, query: Annotated[KeyQuery, Query()]
) -> KeyList:
    """List keys of all owners or of one, except those from the environment."""
    del owner  # a caller who may create keys for any owner may see all of them
    keys: KeyBook = request.app.state.keys
    rows = await keys.read(
        lambda session: list_keys(
            session, owner=query.owner, before=query.cursor, limit=query.limit + 1
        )
    )
    cursor = rows[query.limit - 1].id if len(rows) > query.limit else None
    link_next(request, response, cursor)
    return KeyList(items=[_body(key) for key in rows[: query.limit]], next_cursor=cursor)


@router.delete("/{key_id}", status_code=204, responses=problems(404), summary="Revoke a key")
async def delete_key(key_id: KeyId, request: Request, owner: AdminOwner) -> Response:
    """Revoke a key permanently, at once in this process and within a second in others.

    Browsers that signed in with it are signed out, and its open streams end within seconds.
    """
    del owner
    keys: KeyBook = request.app.state.keys
    await keys.write(lambda session: revoke_key(session, key_id, now=utc_now()))
    keys.forget()
    return Response(status_code=204)


def _body(key: ApiKey) -> KeyBody:
    return KeyBody(
        id=key.id,
        owner=key.owner,
        name=key.name,
        scopes=in_order(key.granted),
        limits=LimitsBody(**asdict(key.limits)),
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
    )
