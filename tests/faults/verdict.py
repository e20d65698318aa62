"""Whether every job ended correctly, compared with an undisturbed run."""

import json
from collections import Counter
from dataclasses import dataclass, field

from narration.jobs.record import Artifact, Job
from narration.jobs.states import JobState
from narration.storage.keys import MANIFEST, job_folder
from tests.cluster import Cluster
from tests.faults.cases import JobCase
from tests.harness import WorkerHarness


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of a case in an undisturbed run."""

    state: JobState
    code: str | None
    sounds: tuple[tuple[str, str], ...] = ()  # file, SHA-256
    chunks: tuple[tuple[int, str, str], ...] = ()  # number, text, sound


@dataclass(slots=True)
class Verdict:
    """The number of faults by kind; a run passes if all are zero."""

    wrong: Counter[str] = field(default_factory=Counter)
    details: list[str] = field(default_factory=list)

    def add(self, kind: str, detail: str) -> None:
        self.wrong[kind] += 1
        self.details.append(f"{kind}: {detail}")


STREAM_LOST = "events lost by the stream"
STREAM_DOUBLED = "events doubled by the stream"
WEBHOOK_LOST = "events not told to the webhook"
WEBHOOK_DOUBLED = "events told under two ids"
UNSIGNED = "messages that do not verify"
KINDS = (
    "jobs lost",
    "jobs ended wrong",
    "jobs with a hole",
    "artifacts delivered twice",
    "artifacts that differ",
    STREAM_LOST,
    STREAM_DOUBLED,
    WEBHOOK_LOST,
    WEBHOOK_DOUBLED,
    UNSIGNED,
)


def undisturbed(cases: list[JobCase], harness: WorkerHarness) -> list[Finding]:
    """Run every case in this process, on SQLite and a directory."""
    found = []
    for case in cases:
        job_id = harness.submit(case.text, **case.settings)
        harness.deliver()
        job = harness.job(job_id)
        code = job.error and job.error.code
        if job.state is not JobState.SUCCEEDED:
            found.append(Finding(state=job.state, code=code))
            continue
        sounds = _sounds(harness.artifacts(job_id))
        chunks = _chunks(harness.manifest(job_id))
        found.append(Finding(state=job.state, code=None, sounds=sounds, chunks=chunks))
    return found


def judge(
    cluster: Cluster, cases: list[JobCase], job_ids: list[str], expected: list[Finding]
) -> Verdict:
    verdict = Verdict()
    for case, job_id, right in zip(cases, job_ids, expected, strict=True):
        assert (right.state, right.code) == (case.end, case.code), case
        job = cluster.job(job_id)
        code = job.error and job.error.code
        if job.state not in (JobState.SUCCEEDED, JobState.FAILED):
            verdict.add("jobs lost", f"{job_id} is {job.state}")
        elif (job.state, code) != (right.state, right.code):
            verdict.add("jobs ended wrong", f"{job_id}: {job.state} {job.error}")
        elif job.state is JobState.SUCCEEDED:
            _compare(cluster, job, right, verdict)
    return verdict


def _compare(cluster: Cluster, job: Job, right: Finding, verdict: Verdict) -> None:
    store = cluster.stores.work
    artifacts = cluster.artifacts(job.id)
    manifest = json.loads(store.get(artifacts["manifest.json"].key))
    chunks = _chunks(manifest)
    if [(number, text) for number, text, _ in chunks] != [
        (number, text) for number, text, _ in right.chunks
    ]:
        verdict.add("jobs with a hole", f"{job.id}: {len(chunks)} of {len(right.chunks)} chunks")
    if chunks != right.chunks or _sounds(artifacts) != right.sounds:
        verdict.add("artifacts that differ", job.id)
    found = sorted(info.key for info in store.find(job_folder(job.destination_prefix, job.id)))
    if found != sorted(artifact.key for artifact in artifacts.values()):
        verdict.add("artifacts delivered twice", f"{job.id}: {found}")


def _chunks(manifest: dict) -> tuple[tuple[int, str, str], ...]:
    return tuple((c["index"], c["spoken_text"], c["sha256"]) for c in manifest["chunks"])


def _sounds(artifacts: dict[str, Artifact]) -> tuple[tuple[str, str], ...]:
    """Return the digests of the delivered files except the manifest, which contains times."""
    return tuple((name, a.sha256) for name, a in sorted(artifacts.items()) if name != MANIFEST)
