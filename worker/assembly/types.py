"""What the sound of a whole job is measured by, written as and marked with."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Where a chunk lies in the programme, in samples: speech is [start, end), a pause follows."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A programme, measured: where each chunk lies, how long it is and how loud.

    `lufs` is None where there is nothing above the -70 LUFS gate.
    """

    marks: tuple[Mark, ...]
    samples: int
    lufs: float | None
    true_peak_db: float


class AudioFormat(StrEnum):
    """What a programme can be written as; the value is also the file name's ending."""

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


AUDIOBOOK = "Audiobook"  # a genre that players know


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A JPEG or PNG file, for players to show."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """What a file says about itself; what is not known is None.

    A work is its own album; a file of one chapter is of the work's.
    `watermark` names the mark in its sound.
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
        """What players list the file under."""
        return self.album or self.title

    @property
    def comment(self) -> str | None:
        """What is said of the sound itself."""
        return f"watermark: {self.watermark}" if self.watermark else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a finished file really holds, as a player sees it."""

    format: AudioFormat
    duration_s: float
    sample_rate_hz: int
    channels: int
    chapters: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A caption and when it is shown."""

    start_s: float
    end_s: float
    text: str
