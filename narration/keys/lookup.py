"""Look up the key or browser session of a secret, and record its use."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.orm import Session

from narration.ids import new_id
from narration.keys.record import ApiKey, ApiSession
from narration.keys.scopes import KeyLimits, Scope
from narration.keys.secret import SESSION_PREFIX, digest_of, new_secret

USE_RECORDED_EVERY = timedelta(seconds=60)
MAX_SESSIONS = 100  # per key; the oldest ones end first


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A key as requests need it; `session_id` if the request comes from a signed-in browser.

    `digest` signs URLs of media. It is the key's even in a session, so that the URLs outlive it.
    """

    id: str
    owner: str
    name: str
    digest: str
    scopes: frozenset[Scope]
    limits: KeyLimits
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    session_id: str | None = None
    session_expires_at: datetime | None = None

    def is_expired(self, now: datetime) -> bool:
        """Whether it has expired."""
        return self.expires_at is not None and self.expires_at <= now

    def is_usable(self, now: datetime) -> bool:
        """Whether it may be used."""
        if self.session_expires_at is not None and self.session_expires_at <= now:
            return False
        return self.revoked_at is None and not self.is_expired(now)

    def is_use_due(self, now: datetime) -> bool:
        """Whether its use should be recorded again."""
        return self.last_used_at is None or now - self.last_used_at >= USE_RECORDED_EVERY


def has_keys(session: Session) -> bool:
    """Return whether any key was ever created: from then on every caller needs one."""
    return session.scalar(select(ApiKey.id).limit(1)) is not None


def find_key(session: Session, secret: str) -> KnownKey | None:
    """Return the key of a secret, usable or not."""
    digest = digest_of(secret)
    key = session.scalar(select(ApiKey).where(ApiKey.digest == digest))
    # The index compared the digests, which reveals nothing of a secret; compared again in constant
    # time, so that security does not depend on how a database compares.
    if key is None or not hmac.compare_digest(key.digest, digest):
        return None
    return _known(key)


def find_key_by_id(session: Session, key_id: str) -> KnownKey | None:
    """Return a key, usable or not."""
    key = session.get(ApiKey, key_id)
    return None if key is None else _known(key)


def find_session(session: Session, secret: str) -> KnownKey | None:
    """Return the key of a signed-in browser; None after it signed out."""
    digest = digest_of(secret)
    row = session.execute(_signed_in().where(ApiSession.digest == digest)).first()
    if row is None or not hmac.compare_digest(row[1].digest, digest):
        return None
    return _known(*row)


def find_in_use(
    session: Session, key_ids: Collection[str], session_ids: Collection[str]
) -> list[KnownKey]:
    """Return those that still exist, usable or not."""
    found: list[KnownKey] = []
    if key_ids:
        keys = session.scalars(select(ApiKey).where(ApiKey.id.in_(key_ids)))
        found += map(_known, keys)
    if session_ids:
        browsers = session.execute(_signed_in().where(ApiSession.id.in_(session_ids)))
        found += [_known(*row) for row in browsers]
    return found


def record_use(session: Session, key_id: str, *, now: datetime) -> None:
    """Record that a key was used, at most once a minute across all processes."""
    is_due = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - USE_RECORDED_EVERY)
    statement = update(ApiKey).where(ApiKey.id == key_id, is_due).values(last_used_at=now)
    session.execute(statement, execution_options={"synchronize_session": False})


def open_session(
    session: Session, key: KnownKey, *, lasts_s: float, now: datetime, most: int = MAX_SESSIONS
) -> str:
    """Sign a browser in and return its secret, which is not stored."""
    secret = new_secret(SESSION_PREFIX)
    expires_at = now + timedelta(seconds=lasts_s)
    session.add(
        ApiSession(
            id=new_id("session", now),
            key_id=key.id,
            owner=key.owner,
            digest=digest_of(secret),
            created_at=now,
            expires_at=min(expires_at, key.expires_at or expires_at),
        )
    )
    session.flush()
    newest = select(ApiSession.id).where(ApiSession.key_id == key.id)
    newest_ids = newest.order_by(ApiSession.id.desc()).limit(most)
    oldest = delete(ApiSession).where(ApiSession.key_id == key.id, ApiSession.id.not_in(newest_ids))
    session.execute(oldest, execution_options={"synchronize_session": False})
    return secret


def close_session(session: Session, secret: str) -> None:
    """Sign a browser out."""
    session.execute(delete(ApiSession).where(ApiSession.digest == digest_of(secret)))


def forget_sessions(session: Session, *, now: datetime) -> None:
    """Delete the sessions that have expired."""
    session.execute(delete(ApiSession).where(ApiSession.expires_at <= now))


def _signed_in() -> Select[ApiKey, ApiSession]:
    return select(ApiKey, ApiSession).join(ApiSession, ApiSession.key_id == ApiKey.id)


def _known(key: ApiKey, browser: ApiSession | None = None) -> KnownKey:
    return KnownKey(
        id=key.id,
        owner=key.owner,
        name=key.name,
        digest=key.digest,
        scopes=key.granted,
        limits=key.limits,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
        session_id=browser.id if browser else None,
        session_expires_at=browser.expires_at if browser else None,
    )
