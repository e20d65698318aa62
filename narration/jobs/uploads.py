"""Documents that clients put into the store themselves: announced, read once, and deleted.

An upload becomes one job or plan, which stores its own copy: whatever a client writes to the key
afterwards has no effect, and is deleted when the upload expires.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.errors import ConflictError, NotFoundError
from narration.ids import new_id
from narration.jobs.upload import Upload
from narration.setting_types import DAY_S
from narration.storage.interface import Storage
from narration.storage.keys import source_key

BATCH = 100


def create_upload(
    session: Session, *, owner: str, name: str, size_bytes: int, most: int, now: datetime
) -> Upload:
    """Announce a document.

    Raises: ConflictError if the owner already has the maximum number of unused uploads.
    """
    waiting = select(func.count()).where(
        Upload.owner == owner, Upload.used_at.is_(None), Upload.expires_at > now
    )
    if (session.scalar(waiting) or 0) >= most:
        raise ConflictError(
            f"{most} uploads wait to be submitted: submit those, or wait until a day is over"
        )
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


def get_upload(session: Session, upload_id: str, *, owner: str, now: datetime) -> Upload:
    """Return an unused upload. Raises: NotFoundError if it does not exist, or was used."""
    upload = session.get(Upload, upload_id)
    if upload is None or upload.owner != owner or upload.expires_at <= now:
        raise NotFoundError(f"there is no upload {upload_id}: uploads are kept for a day only")
    if upload.used_at is not None:
        raise NotFoundError(f"upload {upload_id} was submitted already: announce another")
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
