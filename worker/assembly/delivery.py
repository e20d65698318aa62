"""Assembles a job: turns its chunks into files in the bucket, and writes the manifest last."""

import hashlib
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from narration.errors import LeaseLost
from narration.jobs.completeness import check_complete
from narration.jobs.deliver import finish_job, reopen_job
from narration.jobs.listen import store_sounds
from narration.jobs.lookup import get_chunks, get_job, get_plan, list_delivered_keys
from narration.jobs.record import Artifact, Chunk, Job, JobPlan
from narration.jobs.step_claim import StepClaim
from narration.jobs.stored import read_settings
from narration.storage.interface import Storage, Upload
from narration.storage.keys import (
    MANIFEST,
    artifact_folder,
    is_of_try_up_to,
    job_folder,
    manifest_key,
)
from worker.assembly.manifest import LevelledSound, Manifest, OutputRecord, make_manifest
from worker.assembly.preparation import prepare_sound
from worker.assembly.programme import (
    MEDIA_TYPES,
    OutputFile,
    Programme,
    size_of_outputs,
    write_outputs,
)
from worker.assembly.sound import sounds_of
from worker.assembly.tags import read_cover
from worker.chunk_audio import LostAudio, clear_lost
from worker.context import WorkerContext
from worker.leases import Lease

log = structlog.get_logger(__name__)

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A job whose chunks are all spoken, as read from the database."""

    job: Job
    plan: JobPlan
    chunks: list[Chunk]


def assemble_job(context: WorkerContext, claim: StepClaim, lease: Lease) -> None:
    """Deliver a job whose chunks are all spoken, and finish it.

    Missing or damaged chunk audio sends the job back to rendering.
    Raises: LeaseLost; StorageUnavailable; OutputError if the destination refuses the files.
    """
    material = _read(context, claim)
    check_complete(material.plan.spans, material.plan.characters, len(material.chunks))
    if not read_settings(material.job.settings).outputs:  # it was streamed while it was spoken
        with context.session() as session:
            finish_job(session, claim, [], now=context.clock())
        return
    destination = context.stores.profile(material.job.destination_profile)
    try:
        manifest_bytes = _publish(
            destination, _deliver(context, claim, lease, material, destination)
        )
        manifest = Manifest.model_validate_json(manifest_bytes)
        with context.session() as session:
            artifacts = _artifacts(material.job, manifest, manifest_bytes)
            gain_db = manifest.programme.gain_db
            finish_job(session, claim, artifacts, gain_db=gain_db, now=context.clock())
    except LostAudio as error:
        log.warning("chunk_audio_lost", reason=str(error))
        _render_again(context, claim, clear_lost(context.stores.work, material.chunks))
    except LeaseLost:
        _withdraw(destination, material.job, _folder(material.job, claim))
        raise
    else:
        _clear_earlier_tries(context, claim, material.job, destination, manifest)
        log.info("job_succeeded", duration_s=manifest.programme.duration_s)


def _read(context: WorkerContext, claim: StepClaim) -> Material:
    with context.session(is_read_only=True) as session:
        return Material(
            job=get_job(session, claim.job_id),
            plan=get_plan(session, claim.job_id),
            chunks=get_chunks(session, claim.job_id),
        )


def _deliver(
    context: WorkerContext, claim: StepClaim, lease: Lease, material: Material, destination: Storage
) -> Manifest:
    """Write every output to this try's own folder and return the manifest that lists them."""
    job = material.job
    folder = _folder(job, claim)
    sound = prepare_sound(context, job, material.chunks, lease)
    with context.session() as session:
        store_sounds(session, job.id, sounds_of(sound.works, sound.chunks, sound.encoded))
    programme = Programme(
        job=job,
        plan=material.plan,
        chunks=material.chunks,
        sound=sound,
        cover=read_cover(context.stores.work, job, material.plan),
    )
    outputs: list[OutputRecord] = []
    with context.scratch.folder(size_of_outputs(programme), lease.check) as scratch:
        # Closed at once if anything fails: that ends uploads that were begun.
        begin = partial(_begin, destination, folder)
        with closing(write_outputs(programme, scratch, begin)) as files:
            for file in files:
                lease.check()
                outputs.append(_finish(file))
                file.path.unlink()
    order = [f".{output.value}" for output in programme.settings.outputs]
    outputs.sort(key=lambda record: (order.index(Path(record.name).suffix), record.chapter or 0))
    return make_manifest(
        job,
        material.plan,
        material.chunks,
        LevelledSound(spoken=sound.spoken, finished=sound.finished, setting=sound.setting),
        outputs,
        folder=folder,
        now=context.clock(),
    )


def _begin(destination: Storage, folder: str, name: str) -> Upload:
    return destination.begin_upload(folder + name, media_type=MEDIA_TYPES[Path(name).suffix])


def _finish(file: OutputFile) -> OutputRecord:
    stored = file.upload.finish(file.path)
    return OutputRecord(
        name=file.path.name,
        key=stored.key,
        media_type=MEDIA_TYPES[file.path.suffix],
        size_bytes=stored.size_bytes,
        sha256=stored.sha256,
        duration_ms=file.section.duration_ms,
        chapter=file.section.chapter,
    )


def _publish(destination: Storage, manifest: Manifest) -> bytes:
    """Write the manifest and return it, or an earlier one by another try of this attempt.

    A worker may have been lost after it wrote the manifest and before it finished the job. What
    that manifest lists is complete, so the job finishes with it and nothing is delivered twice.
    """
    key = manifest.key
    earlier = destination.stat(key) and Manifest.model_validate_json(destination.get(key))
    if earlier and earlier.attempt < manifest.attempt:
        destination.delete(key)  # left by an attempt that was canceled or failed afterwards
    manifest_bytes = manifest.model_dump_json(indent=1).encode()
    is_first = destination.put(key, manifest_bytes, media_type=JSON, is_write_once=True).is_new
    return manifest_bytes if is_first else destination.get(key)


def _artifacts(job: Job, manifest: Manifest, manifest_bytes: bytes) -> list[Artifact]:
    itself = OutputRecord(
        name=MANIFEST,
        key=manifest.key,
        media_type=JSON,
        size_bytes=len(manifest_bytes),
        sha256=hashlib.sha256(manifest_bytes).hexdigest(),
        duration_ms=None,
    )
    own = {"job_id": job.id, "owner": job.owner, "revision": job.revision}
    return [
        Artifact(**own, **record.model_dump(exclude={"chapter"}))
        for record in (*manifest.outputs, itself)
    ]


def _withdraw(destination: Storage, job: Job, folder: str) -> None:
    """Delete what this try has written, unless the manifest lists it as delivered."""
    key = manifest_key(job.destination_prefix, job.id, job.revision)
    if destination.stat(key) is not None:
        manifest = Manifest.model_validate_json(destination.get(key))
        if manifest.folder == folder:
            return
    destination.delete_prefix(folder)


def _folder(job: Job, claim: StepClaim) -> str:
    return artifact_folder(job.destination_prefix, job.id, attempt=job.attempt, fence=claim.fence)


def _clear_earlier_tries(
    context: WorkerContext, claim: StepClaim, job: Job, destination: Storage, manifest: Manifest
) -> None:
    """Delete what lost tries, possibly this one, have left in the job's folder.

    Earlier deliveries stay. So does what a later try writes: the job may be in its next revision by
    now.
    """
    prefix, fence = job.destination_prefix, claim.fence
    with context.session(is_read_only=True) as session:
        listed = set(list_delivered_keys(session, job.id))
    for info in destination.find(job_folder(prefix, job.id)):
        is_listed = info.key.startswith(manifest.folder) or info.key in listed
        if not is_listed and is_of_try_up_to(
            info.key, prefix, job.id, fence=fence, revision=job.revision
        ):
            destination.delete(info.key)


def _render_again(context: WorkerContext, claim: StepClaim, lost: list[int]) -> None:
    with context.session() as session:
        reopen_job(
            session,
            claim,
            lost,
            wakeups=context.settings.window_segments,
            now=context.clock(),
        )
