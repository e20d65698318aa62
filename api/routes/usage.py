"""Usage over HTTP: what keys have asked for and were spoken, by the day."""

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
    """Tell by day and key what the caller's owner used; with the scope admin, also of others."""
    if query.owner is not None and query.all_owners:
        detail = "is one owner, and all_owners asks for everybody: send one of them"
        raise FieldsError([{"pointer": "/owner", "detail": detail}])
    whose = query.owner or owner
    if query.all_owners or whose != owner:
        caller.require(Scope.ADMIN)
    last_day = query.last_day or utc_now().date()
    first_day = query.first_day or last_day - timedelta(days=USUAL_DAYS - 1)
    if not timedelta() <= last_day - first_day < timedelta(days=MAX_DAYS):
        detail = (
            f"must lie at most {MAX_DAYS - 1} days before last_day ({last_day}), and not behind"
        )
        raise FieldsError([{"pointer": "/first_day", "detail": detail}])
    with session_scope(resources.database, is_read_only=True) as session:
        used = list_usage(
            session,
            owner=None if query.all_owners else whose,
            first_day=first_day,
            last_day=last_day,
        )
    items = [_body(each) for each in used]
    return UsageList(first_day=first_day, last_day=last_day, items=items)


def _body(used: Usage) -> UsageBody:
    return UsageBody(
        day=used.day,
        owner=used.owner,
        key_id=used.key_id,
        key_name=used.key_name,
        jobs=used.jobs,
        characters=used.characters,
        audio_s=used.audio_ms / 1000,
    )
