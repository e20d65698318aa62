"""Submit a changed text as a new job with all the settings of the original."""

from dataclasses import dataclass

from sqlalchemy import Engine

from narration.database import session_scope
from narration.jobs.create import Destination
from narration.jobs.lookup import get_job
from narration.jobs.stored import read_settings
from narration.jobs.submission import Submission
from narration.storage.keys import cover_key
from narration.storage.profiles import Stores


@dataclass(frozen=True, slots=True, kw_only=True)
class NewText:
    """The changed text of a job."""

    name: str
    media_type: str | None
    data: bytes


def make_revision(
    database: Engine,
    stores: Stores,
    job_id: str,
    new_text: NewText,
    *,
    owner: str,
    idempotency_key: str | None = None,
) -> Submission:
    """Return a submission that narrates a changed text like its original.

    Raises: NotFoundError.
    """
    with session_scope(database, is_read_only=True) as session:
        original = get_job(session, job_id, owner=owner)
    cover = cover_key(job_id)
    return Submission(
        owner=owner,
        name=new_text.name,
        media_type=new_text.media_type,
        data=new_text.data,
        settings=read_settings(original.settings),
        destination=Destination(
            profile=original.destination_profile, prefix=original.destination_prefix
        ),
        idempotency_key=idempotency_key,
        cover=stores.work.get(cover) if stores.work.stat(cover) else None,
        revision_of=job_id,
    )
