"""Create, list and revoke keys, for the command line and for HTTP."""

import re
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from narration.errors import ConflictError, FieldsError, NotFoundError
from narration.ids import new_id
from narration.keys.record import ApiKey, ApiSession
from narration.keys.scopes import USUAL_SCOPES, KeyLimits, Scope, in_order
from narration.keys.secret import KEY_PREFIX, digest_of, new_secret

MAX_KEYS = 1000  # usable ones per owner
MAX_NAME_CHARS = 64
MAX_LIMIT = 2**31 - 1
MAX_CHARACTERS = 10**12
LONGEST = timedelta(days=3650)
OWNER_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key as it was requested."""

    owner: str
    name: str
    scopes: frozenset[Scope] = USUAL_SCOPES
    limits: KeyLimits = field(default_factory=KeyLimits)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeKey:
    """A new key, and its secret, which is not stored."""

    key: ApiKey
    secret: str = field(repr=False)


def make_key(session: Session, new: NewKey, *, now: datetime, most: int = MAX_KEYS) -> MadeKey:
    """Create a key.

    Raises: FieldsError naming each invalid field; ConflictError if the owner has the maximum number
    of keys.
    """
    _require_sense(new, now)
    usable = select(func.count()).select_from(ApiKey).where(ApiKey.owner == new.owner)
    usable = usable.where(ApiKey.revoked_at.is_(None))
    if session.execute(usable).scalar_one() >= most:
        raise ConflictError(f"{new.owner} has {most:,} keys: revoke those that are not used")
    secret = new_secret(KEY_PREFIX)
    key = ApiKey(
        id=new_id("key", now),
        owner=new.owner,
        name=new.name,
        digest=digest_of(secret),
        scopes=[scope.value for scope in in_order(new.scopes)],
        **asdict(new.limits),
        created_at=now,
        expires_at=new.expires_at,
    )
    session.add(key)
    session.flush()
    return MadeKey(key=key, secret=secret)


def list_keys(
    session: Session, *, owner: str | None = None, before: str | None = None, limit: int
) -> list[ApiKey]:
    """Return keys, newest first, including revoked ones; of one owner, or of all."""
    query = select(ApiKey).order_by(ApiKey.id.desc()).limit(limit)
    if owner is not None:
        query = query.where(ApiKey.owner == owner)
    if before is not None:
        query = query.where(ApiKey.id < before)
    return list(session.scalars(query))


def get_key(session: Session, key_id: str) -> ApiKey:
    """Return a key. Raises: NotFoundError."""
    key = session.get(ApiKey, key_id)
    if key is None:
        raise NotFoundError(f"there is no key {key_id}")
    return key


def revoke_key(session: Session, key_id: str, *, now: datetime) -> ApiKey:
    """Revoke a key permanently and end its sessions; doing it twice is not an error.

    Raises: NotFoundError.
    """
    is_usable = (ApiKey.id == key_id) & ApiKey.revoked_at.is_(None)
    session.execute(update(ApiKey).where(is_usable).values(revoked_at=now))
    session.execute(delete(ApiSession).where(ApiSession.key_id == key_id))
    session.expire_all()
    return get_key(session, key_id)


def _require_sense(new: NewKey, now: datetime) -> None:
    faults: dict[str, str] = {}
    if not 1 <= len(new.name.strip()) <= len(new.name) <= MAX_NAME_CHARS:
        faults["/name"] = f"must have 1 to {MAX_NAME_CHARS} characters"
    elif not new.name.isprintable():
        faults["/name"] = "contains a control character: remove it"
    if not re.fullmatch(OWNER_PATTERN, new.owner):
        faults["/owner"] = "must be up to 64 letters, digits and . _ @ -, beginning with neither"
    if not new.scopes:
        faults["/scopes"] = f"must name some of {', '.join(Scope)}"
    if new.expires_at is not None and not now < new.expires_at <= now + LONGEST:
        faults["/expires_at"] = f"must lie ahead, within {LONGEST.days:,} days"
    for name, limit in asdict(new.limits).items():
        most = MAX_CHARACTERS if name == "characters_a_day" else MAX_LIMIT
        if limit is not None and not 1 <= limit <= most:
            faults[f"/limits/{name}"] = f"must be 1 to {most:,}"
    if faults:
        raise FieldsError([{"pointer": at, "detail": detail} for at, detail in faults.items()])
