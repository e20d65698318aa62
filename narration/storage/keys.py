"""Where objects are stored: the keys of both the work store and a job's destination; pure.

Work store:   chunks/<sha256>.flac   parts/<sha256>   sources/<job>/document   sources/<job>/cover
              voices/<id>/recording   voices/<id>/conditioning
Destination:  <prefix>/<job>/manifest.json   <prefix>/<job>/<attempt>-<fence>/<artifact>
              <prefix>/<job>/manifest-2.json, and so on, for deliveries after mending

Artifact keys contain the fencing number of the worker that wrote them, so that a late worker
overwrites nothing; the manifest is written once, last, and names the files that count.
"""

import re

from narration.errors import OutputError
from narration.ids import is_id

CHUNKS = "chunks/"
PARTS = "parts/"
MANIFEST = "manifest.json"
MAX_KEY_BYTES = 1024  # S3's limit
MAX_PREFIX_BYTES = 512
MAX_PART_BYTES = 255  # file systems' limit
RESERVED = ("chunks", "parts", "sources", "voices")

_SAFE_PART = re.compile(r"[^\x00-\x1f\x7f\\\ud800-\udfff]+")
_DELIVERED = re.compile(
    r"manifest(?:-(?P<revision>[0-9]+))?\.json|[0-9]+-(?P<fence>[0-9]+)/[^/]+", re.ASCII
)


def chunk_audio_key(sha256: str) -> str:
    """Return the key of a chunk's FLAC: equal sounds are stored once."""
    return f"{CHUNKS}{sha256}.flac"


def part_audio_key(sha256: str) -> str:
    """Return the key of a part's packets in one format."""
    return f"{PARTS}{sha256}"


def source_key(job_id: str) -> str:
    """Return the key of a document that is too large for its row."""
    return f"sources/{job_id}/document"


def cover_key(job_id: str) -> str:
    """Return the key of the cover for a job's files, if it has one."""
    return f"sources/{job_id}/cover"


def recording_key(voice_id: str) -> str:
    """Return the key of a voice's recording."""
    return f"voices/{voice_id}/recording"


def conditioning_key(voice_id: str) -> str:
    """Return the key of the conditioning made from a recording."""
    return f"voices/{voice_id}/conditioning"


def job_folder(prefix: str, job_id: str) -> str:
    """Return the folder of everything delivered for a job."""
    return f"{prefix}/{job_id}/" if prefix else f"{job_id}/"


def manifest_key(prefix: str, job_id: str, revision: int = 1) -> str:
    """Return the key of a delivery's manifest; once it exists, the files are complete."""
    name = MANIFEST if revision == 1 else f"manifest-{revision}.json"
    return job_folder(prefix, job_id) + name


def artifact_folder(prefix: str, job_id: str, *, attempt: int, fence: int) -> str:
    """Return the folder for the files of one try at assembling."""
    return f"{job_folder(prefix, job_id)}{attempt}-{fence}/"


def check_prefix(prefix: str) -> str:
    """Return a destination prefix without outer slashes.

    Raises: OutputError if it could lead out of its folder, is not a valid key, or could overlap
    with what belongs to another job or to the server.
    """
    prefix = prefix.strip("/")
    if not prefix:
        return prefix
    parts = check_key(prefix).split("/")
    longest = max(len(part.encode()) for part in parts)
    if len(prefix.encode()) > MAX_PREFIX_BYTES or longest > MAX_PART_BYTES:
        raise OutputError(
            f"the prefix is longer than {MAX_PREFIX_BYTES} bytes, or a part of it than "
            f"{MAX_PART_BYTES}: shorten it"
        )
    for part in parts:
        if part.startswith(".") or not part.isprintable() or is_id("job", part):
            raise OutputError(
                f"{part!r} cannot be a part of the prefix: it begins with a dot, has characters "
                "that cannot be printed, or is the id of a job"
            )
    if parts[0] in RESERVED and len(parts) > 1:
        raise OutputError(f"the folder {parts[0]!r} is reserved for the server: use another prefix")
    return prefix


def is_delivered(key: str, prefix: str, job_id: str) -> bool:
    """Return whether a key in a job's folder has the form of a file delivered for this very job.

    It may contain another job's folder, since prefixes were not always checked.
    """
    folder = job_folder(prefix, job_id)
    return key.startswith(folder) and _DELIVERED.fullmatch(key, len(folder)) is not None


def is_of_try_up_to(key: str, prefix: str, job_id: str, *, fence: int, revision: int) -> bool:
    """Return whether a worker with at most this fence, or an earlier delivery, wrote a key."""
    folder = job_folder(prefix, job_id)
    match = _DELIVERED.fullmatch(key, len(folder)) if key.startswith(folder) else None
    if match is None:
        return False
    if match["fence"] is not None:
        return int(match["fence"]) <= fence
    return int(match["revision"] or 1) < revision


def check_key(key: str) -> str:
    """Return the key.

    Raises: OutputError if a part is empty, `.` or `..`, or has control characters or backslashes.
    """
    parts = key.split("/")
    is_safe = all(part not in ("", ".", "..") and _SAFE_PART.fullmatch(part) for part in parts)
    if not is_safe or len(key.encode()) > MAX_KEY_BYTES:
        raise OutputError(f"{key!r} is not a valid key: use plain names between slashes")
    return key
