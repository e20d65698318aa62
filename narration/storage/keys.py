"""Where objects lie: the key scheme of both the work store and a job's destination; pure.

Work store:   chunks/<sha256>.flac   sources/<job>   voices/<id>/recording, voices/<id>/conditioning
Destination:  <prefix>/<job>/manifest.json   <prefix>/<job>/<attempt>-<fence>/<artifact>

Artifacts carry the fencing number of the worker that wrote them, so that a late one overwrites
nothing; the manifest is written once and last and names the winner.
"""

import re

from narration.errors import OutputError

CHUNKS = "chunks/"
MANIFEST = "manifest.json"
MAX_KEY_BYTES = 1024  # S3's limit
MAX_PREFIX_CHARS = 512

_SAFE_PART = re.compile(r"[^\x00-\x1f\x7f\\]+")


def chunk_audio_key(sha256: str) -> str:
    """Return where a chunk's FLAC lies: equal sounds are stored once."""
    return f"{CHUNKS}{sha256}.flac"


def source_key(job_id: str) -> str:
    """Return where a document lies that is too large for its row."""
    return f"sources/{job_id}"


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

    Raises: OutputError if it could lead out of its folder or is no sensible key.
    """
    prefix = prefix.strip("/")
    if len(prefix) > MAX_PREFIX_CHARS:
        raise OutputError(f"the prefix is longer than {MAX_PREFIX_CHARS} characters: shorten it")
    if prefix:
        check_key(prefix)
    return prefix


def check_key(key: str) -> str:
    """Return the key.

    Raises: OutputError if a part is empty, `.` or `..`, or has control characters or backslashes.
    """
    parts = key.split("/")
    is_safe = all(part not in ("", ".", "..") and _SAFE_PART.fullmatch(part) for part in parts)
    if not is_safe or len(key.encode()) > MAX_KEY_BYTES:
        raise OutputError(f"{key!r} is no place to write to: use plain names between slashes")
    return key
