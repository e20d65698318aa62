"""Documents that clients put into the store themselves: announced, read once, and deleted.

An upload becomes one job or plan, which stores its own copy: whatever a client writes to the key
afterwards has no effect, and is deleted when the upload expires.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.errors import ConflictError, NotFoundError
from narration.ids import new_id
from narration.jobs.upload import Upload
from narration.setting_types import DAY_S
from narration.storage.interface import Storage
from narration.storage.keys import source_key

BATCH = 100
GONE = "upload {upload} was submitted already, or deleted: announce another"


def create_upload(
    session: Session, *, owner: str, name: str, size_bytes: int, most: int, now: datetime
) -> Upload:
    """Announce a document.

    Raises: ConflictError if the owner already has the maximum number of unused uploads.
    """
    _require_place(session, owner, most, now)
    upload = Upload(
        id=new_id("upload", now),
        owner=owner,
        name=name,
        size_bytes=size_bytes,
        created_at=now,
        expires_at=now + timedelta(seconds=DAY_S),
    )
    session.add(upload)
    session.flush()
    return upload


def list_uploads(
    session: Session, *, owner: str, before: str | None, limit: int, now: datetime
) -> Sequence[Upload]:
    """Return an owner's uploads that wait, the newest first; `before` is the last one known."""
    query = select(Upload).where(*_waits(owner, now)).order_by(Upload.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Upload.id < before)
    return session.scalars(query).all()


def delete_upload(
    session: Session,
    store: Storage,
    upload_id: str,
    *,
    owner: str,
    url_expires_s: int,
    now: datetime,
) -> None:
    """Forget an upload that waits, and what was put to it.

    The row stays until no URL to write there is valid any more: what one of them writes meanwhile
    is deleted with it.
    Raises: NotFoundError as `get_upload`; StorageUnavailable.
    """
    upload = get_upload(session, upload_id, owner=owner, now=now)
    ends_at = min(upload.expires_at, now + timedelta(seconds=url_expires_s))
    deleted = session.execute(
        update(Upload)
        .where(Upload.id == upload_id, *_waits(owner, now))
        .values(used_at=now, expires_at=ends_at)
        .returning(Upload.id),
        execution_options=UNSYNCHRONIZED,
    )
    if deleted.first() is None:
        raise NotFoundError(GONE.format(upload=upload_id))
    store.delete(source_key(upload_id))


def get_upload(session: Session, upload_id: str, *, owner: str, now: datetime) -> Upload:
    """Return an unused upload. Raises: NotFoundError if it does not exist, or was used."""
    upload = session.get(Upload, upload_id)
    if upload is None or upload.owner != owner or upload.expires_at <= now:
        raise NotFoundError(f"there is no upload {upload_id}: uploads are kept for a day only")
    if upload.used_at is not None:
        raise NotFoundError(GONE.format(upload=upload_id))
    return upload


def read_upload(store: Storage, upload: Upload) -> bytes:
    """Return the uploaded document.

    Raises: NotFoundError if there is none, or its size differs; StorageUnavailable.
    """
    info = store.stat(source_key(upload.id))
    if info is None:
        raise NotFoundError(f"nothing was uploaded to {upload.id} yet: do that first")
    if info.size_bytes != upload.size_bytes:
        raise NotFoundError(
            f"upload {upload.id} has {info.size_bytes:,} bytes, but {upload.size_bytes:,} were "
            "announced: upload it again completely"
        )
    return store.get(source_key(upload.id))


def use_upload(session: Session, store: Storage, upload_id: str, *, now: datetime) -> None:
    """Mark an upload as used, and delete its document.

    Raises: StorageUnavailable.
    """
    session.execute(
        update(Upload).where(Upload.id == upload_id).values(used_at=now),
        execution_options=UNSYNCHRONIZED,
    )
    store.delete(source_key(upload_id))


def forget_uploads(session: Session, store: Storage, *, now: datetime) -> bool:
    """Delete a batch of expired uploads, used or not; False if there are no more."""
    query = select(Upload).where(Upload.expires_at <= now).limit(BATCH)
    expired = list(session.scalars(query))
    for upload in expired:
        store.delete(source_key(upload.id))
        session.delete(upload)
    session.flush()
    return bool(expired)


def _waits(owner: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (Upload.owner == owner, Upload.used_at.is_(None), Upload.expires_at > now)


def _require_place(session: Session, owner: str, most: int, now: datetime) -> None:
    waiting = select(func.count()).select_from(Upload).where(*_waits(owner, now))
    if (session.scalar(waiting) or 0) < most:
        return
    oldest = select(Upload).where(*_waits(owner, now)).order_by(Upload.id).limit(1)
    upload = session.scalars(oldest).one()
    raise ConflictError(
        f"{most} uploads wait to be submitted, the oldest of them {upload.id} ({upload.name!r}), "
        f"until {upload.expires_at:%Y-%m-%d %H:%M} UTC: submit or delete some of those that "
        "GET /v1/uploads lists"
    )
