"""The objects of a job, deleted; its rows are narration.jobs' business."""

from narration.keys import job_folder
from narration.models import Job
from narration.stores import Stores


def purge_objects(stores: Stores, job: Job) -> None:
    """Delete everything a job delivered and its stored source; its chunk audio is shared.

    Raises: StorageUnavailable; OutputError if the destination is not reachable any more.
    """
    folder = job_folder(job.destination_prefix, job.id)
    stores.profile(job.destination_profile).delete_prefix(folder)
    if job.source_key is not None:
        stores.work.delete(job.source_key)
