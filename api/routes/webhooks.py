"""Webhooks over HTTP: their receivers, event types and secrets, and the log of deliveries."""

from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from sqlalchemy.orm import Session

from api.bodies import JSON, BodyLimits, read_json, read_optional_json
from api.deps import (
    DeliveryId,
    ReadOwner,
    Resources,
    SubmitOwner,
    WebhookId,
    WebhookOwner,
    WithCaller,
    WithResources,
)
from api.job_requests import parsed
from api.links import link_next
from api.openapi import ROTATE_BODY, WEBHOOK_BODY, WEBHOOK_PATCH, problems
from api.routing import Router
from api.webhook_schemas import (
    DeliveryBody,
    DeliveryPage,
    DeliveryQuery,
    NewWebhookBody,
    RotateForm,
    WebhookBody,
    WebhookForm,
    WebhookList,
    WebhookPatch,
    delivery_body,
    new_webhook_body,
    webhook_body,
)
from narration.clock import utc_now
from narration.database import session_scope
from narration.webhooks import endpoints, log
from narration.webhooks.addresses import check_url
from narration.webhooks.endpoints import WebhookChange

MAX_BODY_BYTES = 16 * 1024
BODIES = (408, 413, 415)

T = TypeVar("T")
router = Router(prefix="/v1/webhooks", tags=["webhooks"], responses=problems(401))


@router.post(
    "",
    status_code=201,
    response_model=NewWebhookBody,
    openapi_extra=WEBHOOK_BODY,
    responses=problems(401, 409, *BODIES),
    summary="Create a webhook",
)
async def create_webhook(
    request: Request, resources: WithResources, owner: WebhookOwner, caller: WithCaller
) -> Response:
    """Have future events sent to a URL, signed with the `secret` in the response.

    The secret is not shown again. Messages follow the Standard Webhooks specification.
    """
    form = parsed(WebhookForm, await read_json(request, _limits(resources)))
    settings = resources.settings.webhooks
    check_url(form.url, settings.networks)

    def create(session: Session) -> NewWebhookBody:
        now = utc_now()
        webhook = endpoints.create_webhook(
            session,
            owner=owner,
            url=form.url,
            types=[each.value for each in form.types],
            description=form.description,
            most=settings.endpoints,
            now=now,
            key_id=caller.key.id if caller.key else None,
        )
        return new_webhook_body(webhook, now)

    body = await _write(resources, create)
    headers = {"Location": f"/v1/webhooks/{body.id}", "Cache-Control": "no-store"}
    return _answer(body, status_code=201, headers=headers)


@router.get("", summary="List webhooks")
def list_webhooks(resources: WithResources, owner: ReadOwner) -> WebhookList:
    """List the caller's webhooks, in the order of their creation."""
    with session_scope(resources.database, is_read_only=True) as session:
        webhooks = endpoints.list_webhooks(session, owner)
    now = utc_now()
    return WebhookList(items=[webhook_body(webhook, now) for webhook in webhooks])


@router.get("/{webhook_id}", responses=problems(404), summary="Read a webhook")
def get_webhook(webhook_id: WebhookId, resources: WithResources, owner: ReadOwner) -> WebhookBody:
    """Read a webhook, including whether it is disabled and since when its receiver fails."""
    with session_scope(resources.database, is_read_only=True) as session:
        return webhook_body(endpoints.get_webhook(session, webhook_id, owner=owner), utc_now())


@router.patch(
    "/{webhook_id}",
    response_model=WebhookBody,
    openapi_extra=WEBHOOK_PATCH,
    responses=problems(404, *BODIES),
    summary="Change a webhook",
)
async def change_webhook(
    webhook_id: WebhookId, request: Request, resources: WithResources, owner: WebhookOwner
) -> Response:
    """Change a webhook's URL, types or description; disable or enable it.

    Pending deliveries of a disabled webhook fail; they can be replayed.
    """
    patch = parsed(WebhookPatch, await read_json(request, _limits(resources)))
    if patch.url is not None:
        check_url(patch.url, resources.settings.webhooks.networks)
    change = WebhookChange(
        url=patch.url,
        types=None if patch.types is None else [each.value for each in patch.types],
        description=patch.description,
        is_disabled=patch.is_disabled,
    )

    def write(session: Session) -> WebhookBody:
        now = utc_now()
        changed = endpoints.change_webhook(session, webhook_id, change, owner=owner, now=now)
        return webhook_body(changed, now)

    return _answer(await _write(resources, write))


@router.delete(
    "/{webhook_id}", status_code=204, responses=problems(404), summary="Delete a webhook"
)
def delete_webhook(webhook_id: WebhookId, resources: WithResources, owner: SubmitOwner) -> Response:
    """Delete a webhook and its log; a message that is being sent may still arrive."""
    with session_scope(resources.database) as session:
        endpoints.delete_webhook(session, webhook_id, owner=owner)
    return Response(status_code=204)


@router.post(
    "/{webhook_id}/rotate",
    response_model=NewWebhookBody,
    openapi_extra=ROTATE_BODY,
    responses=problems(404, *BODIES),
    summary="Rotate a webhook's secret",
)
async def rotate_secret(
    webhook_id: WebhookId, request: Request, resources: WithResources, owner: SubmitOwner
) -> Response:
    """Make a new secret; messages are signed with both for `overlap_s` seconds."""
    form = parsed(RotateForm, await read_optional_json(request, _limits(resources)))

    def rotate(session: Session) -> NewWebhookBody:
        now = utc_now()
        webhook = endpoints.rotate_secret(
            session, webhook_id, owner=owner, overlap_s=form.overlap_s, now=now
        )
        return new_webhook_body(webhook, now)

    body = await _write(resources, rotate)
    return _answer(body, headers={"Cache-Control": "no-store"})


@router.post(
    "/{webhook_id}/test",
    status_code=202,
    response_model=DeliveryBody,
    responses=problems(404, 409),
    summary="Test a webhook",
)
def send_test(webhook_id: WebhookId, resources: WithResources, owner: SubmitOwner) -> Response:
    """Send a `webhook.test`; read its delivery at `Location` to see how it went.

    A test before it that was not taken is given up.
    """
    with session_scope(resources.database) as session:
        delivery = log.add_test_delivery(session, webhook_id, owner=owner, now=utc_now())
        body = delivery_body(delivery)
    headers = {"Location": f"/v1/webhooks/{webhook_id}/deliveries/{body.id}", "Retry-After": "1"}
    return _answer(body, status_code=202, headers=headers)


@router.get("/{webhook_id}/deliveries", responses=problems(404), summary="List deliveries")
def list_deliveries(  # noqa: PLR0917 - FastAPI fills them in by name
    webhook_id: WebhookId,
    request: Request,
    response: Response,
    resources: WithResources,
    owner: ReadOwner,
    query: Annotated[DeliveryQuery, Query()],
) -> DeliveryPage:
    """List sent and pending deliveries, newest first; the log goes back 30 days."""
    with session_scope(resources.database, is_read_only=True) as session:
        deliveries = log.list_deliveries(
            session,
            webhook_id,
            owner=owner,
            states=frozenset(query.state),
            before=query.cursor,
            limit=query.limit + 1,
        )
    items = [delivery_body(delivery) for delivery in deliveries[: query.limit]]
    cursor = items[-1].id if len(deliveries) > query.limit else None
    link_next(request, response, cursor)
    return DeliveryPage(items=items, next_cursor=cursor)


@router.get(
    "/{webhook_id}/deliveries/{delivery_id}", responses=problems(404), summary="Read a delivery"
)
def get_delivery(
    webhook_id: WebhookId, delivery_id: DeliveryId, resources: WithResources, owner: ReadOwner
) -> DeliveryBody:
    """Read a delivery and the result of its last attempt."""
    with session_scope(resources.database, is_read_only=True) as session:
        return delivery_body(log.get_delivery(session, webhook_id, delivery_id, owner=owner))


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    response_model=DeliveryBody,
    responses=problems(404, 409),
    summary="Send a message again",
)
def replay_delivery(
    webhook_id: WebhookId, delivery_id: DeliveryId, resources: WithResources, owner: WebhookOwner
) -> Response:
    """Send a message again now, with the same `webhook-id`, whether it was accepted or not."""
    with session_scope(resources.database) as session:
        delivery = log.replay_delivery(session, webhook_id, delivery_id, owner=owner, now=utc_now())
        return _answer(delivery_body(delivery), status_code=202)


def _limits(resources: Resources) -> BodyLimits:
    timeout_s = resources.settings.api.body_timeout_s
    return BodyLimits(size_bytes=MAX_BODY_BYTES, timeout_s=timeout_s)


async def _write(resources: Resources, write: Callable[[Session], T]) -> T:
    def run() -> T:
        with session_scope(resources.database) as session:
            return write(session)

    return await run_in_threadpool(run)


def _answer(
    body: BaseModel, *, status_code: int = 200, headers: dict[str, str] | None = None
) -> Response:
    content = body.model_dump_json()
    return Response(content, status_code=status_code, media_type=JSON, headers=headers)
