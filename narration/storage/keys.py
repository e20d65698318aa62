"""Where objects lie: the key scheme of both the work store and a job's destination; pure.

Work store:   chunks/<sha256>.flac   sources/<job>/document   sources/<job>/cover
              voices/<id>/recording   voices/<id>/conditioning
Destination:  <prefix>/<job>/manifest.json   <prefix>/<job>/<attempt>-<fence>/<artifact>

Artifacts carry the fencing number of the worker that wrote them, so that a late one overwrites
nothing; the manifest is written once and last and names the winner.
"""

import re

from narration.errors import OutputError
from narration.ids import is_id

CHUNKS = "chunks/"
MANIFEST = "manifest.json"
MAX_KEY_BYTES = 1024  # S3's limit
MAX_PREFIX_BYTES = 512
MAX_PART_BYTES = 255  # file systems' limit
RESERVED = ("chunks", "sources", "voices")

_SAFE_PART = re.compile(r"[^\x00-\x1f\x7f\\\ud800-\udfff]+")
_DELIVERED = re.compile(r"manifest\.json|[0-9]+-[0-9]+/[^/]+")


def chunk_audio_key(sha256: str) -> str:
    """Return where a chunk's FLAC lies: equal sounds are stored once."""
    return f"{CHUNKS}{sha256}.flac"


def source_key(job_id: str) -> str:
    """Return where a document lies that is too large for its row."""
    return f"sources/{job_id}/document"


def cover_key(job_id: str) -> str:
    """Return where the cover of a job's files lies, if it has one."""
    return f"sources/{job_id}/cover"


def recording_key(voice_id: str) -> str:
    """Return where the recording of a voice lies."""
    return f"voices/{voice_id}/recording"


def conditioning_key(voice_id: str) -> str:
    """Return where the conditioning made from a recording lies."""
    return f"voices/{voice_id}/conditioning"


def job_folder(prefix: str, job_id: str) -> str:
    """Return the folder of everything delivered for a job."""
    return f"{prefix}/{job_id}/" if prefix else f"{job_id}/"


def manifest_key(prefix: str, job_id: str) -> str:
    """Return where the manifest lies; once it is there, the job's files are complete."""
    return job_folder(prefix, job_id) + MANIFEST


def artifact_folder(prefix: str, job_id: str, *, attempt: int, fence: int) -> str:
    """Return where one try at assembling puts its files."""
    return f"{job_folder(prefix, job_id)}{attempt}-{fence}/"


def check_prefix(prefix: str) -> str:
    """Return a destination prefix without outer slashes.

    Raises: OutputError if it could lead out of its folder, is no sensible key, or could lie among
    what belongs to another job or to the server.
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
        raise OutputError(f"folders in {parts[0]!r} are the server's own: use another prefix")
    return prefix


def is_delivered(key: str, prefix: str, job_id: str) -> bool:
    """Tell whether a key in a job's folder has the form of what is delivered for this very job.

    Another job's folder may lie in it: prefixes were not always checked.
    """
    folder = job_folder(prefix, job_id)
    return key.startswith(folder) and _DELIVERED.fullmatch(key, len(folder)) is not None


def check_key(key: str) -> str:
    """Return the key.

    Raises: OutputError if a part is empty, `.` or `..`, or has control characters or backslashes.
    """
    parts = key.split("/")
    is_safe = all(part not in ("", ".", "..") and _SAFE_PART.fullmatch(part) for part in parts)
    if not is_safe or len(key.encode()) > MAX_KEY_BYTES:
        raise OutputError(f"{key!r} is no place to write to: use plain names between slashes")
    return key
