"""Request and response bodies for webhooks and their deliveries."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.queries import MAX_STATES, PageQuery
from narration.field_types import Line, Number
from narration.ids import id_pattern
from narration.setting_types import DAY_S
from narration.webhooks.messages import JOB_TYPES, TYPES
from narration.webhooks.record import (
    MAX_DESCRIPTION_CHARS,
    MAX_URL_CHARS,
    DeliveryState,
    DisabledReason,
    Webhook,
    WebhookDelivery,
)
from narration.webhooks.signing import PREFIX

MAX_OVERLAP_S = 7 * DAY_S
EventType = StrEnum("EventType", {name.replace(".", "_").upper(): name for name in TYPES})  # type: ignore[misc]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _each_once(types: list[EventType]) -> list[EventType]:
    return list(dict.fromkeys(types))


Url = Annotated[
    Line,
    Field(
        min_length=1,
        max_length=MAX_URL_CHARS,
        description="https, plain ASCII; must lead to a public address, or to one that the "
        "server's settings allow",
        examples=["https://example.com/hooks/narration"],
    ),
]
Types = Annotated[
    list[EventType],
    Field(min_length=1, max_length=len(TYPES), examples=[["job.succeeded", "job.failed"]]),
    AfterValidator(_each_once),
]
Description = Annotated[Line, Field(max_length=MAX_DESCRIPTION_CHARS)]


class WebhookForm(_Body):
    """A receiver and the event types to send it; all job events if `types` is omitted."""

    url: Url
    types: Types = [EventType(name) for name in JOB_TYPES]
    description: Description = ""


class WebhookPatch(_Body):
    """Changes to a webhook; omitted fields stay as they are."""

    url: Url | None = None
    types: Types | None = None
    description: Description | None = None
    is_disabled: bool | None = Field(
        None,
        strict=True,
        description="nothing is sent while it is disabled, and missed events are not sent later",
    )


class RotateForm(_Body):
    """How long the current secret continues to sign besides the new one; 0: not at all."""

    overlap_s: Annotated[int, Field(ge=0, le=MAX_OVERLAP_S), Number] = DAY_S


class WebhookBody(_Body):
    """A webhook; its secret is shown only when it is created."""

    id: str
    object: Literal["webhook"] = "webhook"
    url: str
    types: list[str]
    description: str
    key_id: str | None = Field(description="the key that made it; null: one of the environment")
    is_disabled: bool
    disabled_at: datetime | None
    disabled_reason: DisabledReason | None = Field(
        description="`gone`: the receiver answered 410; `failing`: it accepted nothing for days"
    )
    failing_since: datetime | None = Field(description="null if the last message was accepted")
    previous_secret_until: datetime | None = Field(
        description="messages are signed with both secrets until then"
    )
    created_at: datetime


class NewWebhookBody(WebhookBody):
    """A webhook and its secret, which is not shown again."""

    secret: str = Field(examples=[f"{PREFIX}…"])


class WebhookList(_Body):
    """The caller's webhooks, in the order of their creation."""

    items: list[WebhookBody]


class DeliveryBody(_Body):
    """One message to one webhook, and the result of its last attempt."""

    id: str = Field(description="the message's `webhook-id`, the same at every attempt")
    object: Literal["webhook_delivery"] = "webhook_delivery"
    webhook_id: str
    type: str
    job_id: str | None = Field(description="null for a test")
    number: int | None = Field(description="number of the event within its job")
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime | None
    attempted_at: datetime | None
    status_code: int | None
    error: str | None
    response: str | None = Field(description="the beginning of the response body")
    took_ms: int | None
    body: str = Field(description="the message body")
    created_at: datetime
    ended_at: datetime | None


class DeliveryPage(_Body):
    """Deliveries, newest first."""

    items: list[DeliveryBody]
    next_cursor: str | None


class DeliveryQuery(PageQuery):
    """Selects deliveries and a page of them."""

    cursor: Annotated[str, Field(pattern=id_pattern("msg"))] | None = None
    state: list[DeliveryState] = Field(default_factory=list, max_length=MAX_STATES)


def webhook_body(webhook: Webhook, now: datetime) -> WebhookBody:
    """Convert a webhook to its body."""
    return WebhookBody(**_webhook_fields(webhook, now))


def new_webhook_body(webhook: Webhook, now: datetime) -> NewWebhookBody:
    """Convert a webhook to its body with the secret."""
    return NewWebhookBody(**_webhook_fields(webhook, now), secret=webhook.secret)


def delivery_body(delivery: WebhookDelivery) -> DeliveryBody:
    """Convert a delivery to its body."""
    names = DeliveryBody.model_fields.keys() - {"object"}
    return DeliveryBody(**{name: getattr(delivery, name) for name in names})


def _webhook_fields(webhook: Webhook, now: datetime) -> dict[str, Any]:
    until = webhook.previous_until
    return {
        "id": webhook.id,
        "url": webhook.url,
        "types": webhook.types,
        "description": webhook.description,
        "key_id": webhook.key_id,
        "is_disabled": webhook.disabled_at is not None,
        "disabled_at": webhook.disabled_at,
        "disabled_reason": webhook.disabled_reason,
        "failing_since": webhook.failing_since,
        "previous_secret_until": until if until is not None and until > now else None,
        "created_at": webhook.created_at,
    }
