"""Usage over HTTP: what keys submitted and what was spoken for them, per day."""

from datetime import timedelta
from typing import Annotated

from fastapi import Query

from api.deps import ReadOwner, WithCaller, WithResources
from api.key_schemas import UsageBody, UsageList, UsageQuery
from api.openapi import problems
from api.routing import Router
from narration.clock import utc_now
from narration.database import session_scope
from narration.errors import FieldsError
from narration.jobs.usage import MAX_DAYS, Usage, list_usage
from narration.keys.scopes import Scope

USUAL_DAYS = 30

router = Router(prefix="/v1/usage", tags=["keys"], responses=problems(401))


@router.get("", summary="Read the usage")
def get_usage(
    resources: WithResources,
    owner: ReadOwner,
    caller: WithCaller,
    query: Annotated[UsageQuery, Query()],
) -> UsageList:
    """List the owner's usage by day and key; with the scope admin also that of other owners."""
    if query.owner is not None and query.all_owners:
        detail = "is one owner, and all_owners asks for everybody: send one of them"
        raise FieldsError([{"pointer": "/owner", "detail": detail}])
    target_owner = query.owner or owner
    if query.all_owners or target_owner != owner:
        caller.require(Scope.ADMIN)
    last_day = query.last_day or utc_now().date()
    first_day = query.first_day or last_day - timedelta(days=USUAL_DAYS - 1)
    if not timedelta() <= last_day - first_day < timedelta(days=MAX_DAYS):
        detail = (
            f"must lie at most {MAX_DAYS - 1} days before last_day ({last_day}), and not behind"
        )
        raise FieldsError([{"pointer": "/first_day", "detail": detail}])
    with session_scope(resources.database, is_read_only=True) as session:
        usage = list_usage(
            session,
            owner=None if query.all_owners else target_owner,
            first_day=first_day,
            last_day=last_day,
        )
    items = [_body(each) for each in usage]
    return UsageList(first_day=first_day, last_day=last_day, items=items)


def _body(usage: Usage) -> UsageBody:
    return UsageBody(
        day=usage.day,
        owner=usage.owner,
        key_id=usage.key_id,
        key_name=usage.key_name,
        jobs=usage.jobs,
        characters=usage.characters,
        audio_s=usage.audio_ms / 1000,
    )
