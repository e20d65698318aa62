"""Types for the sound of a whole job: measurements, formats, chapter marks and tags."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A chunk's position in the programme, in samples: speech is [start, end), a pause follows."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The measurements of a programme: the position of each chunk, the duration, the loudness.

    `lufs` is None where there is nothing above the -70 LUFS gate.
    """

    marks: tuple[Mark, ...]
    samples: int
    lufs: float | None
    true_peak_db: float


class AudioFormat(StrEnum):
    """The formats of a programme; the value is also the file name's ending."""

    WAV = "wav"
    FLAC = "flac"
    MP3 = "mp3"
    OPUS = "opus"
    M4A = "m4a"
    M4B = "m4b"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChapterMark:
    """A chapter of a file; it ends where the next begins."""

    title: str
    start: int  # sample at which it begins


AUDIOBOOK = "Audiobook"  # a genre that players recognise


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A JPEG or PNG file that players show."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The metadata of a file; unknown fields are None.

    A work is its own album; the file of a chapter belongs to the work's album. `watermark` names
    the mark in its sound.
    """

    title: str | None = None
    album: str | None = None
    author: str | None = None
    narrator: str | None = None
    genre: str | None = None
    date: str | None = None
    description: str | None = None
    publisher: str | None = None
    series: str | None = None
    series_position: str | None = None
    isbn: str | None = None
    cover: Picture | None = None
    watermark: str | None = None

    @property
    def work_title(self) -> str | None:
        """The album under which players list the file."""
        return self.album or self.title

    @property
    def comment(self) -> str | None:
        """The comment on the sound itself."""
        return f"watermark: {self.watermark}" if self.watermark else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a finished file contains, as a player sees it."""

    format: AudioFormat
    duration_s: float
    sample_rate_hz: int
    channels: int
    chapters: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A caption with its start and end time."""

    start_s: float
    end_s: float
    text: str
