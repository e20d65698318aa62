"""Writes a programme to a lossless file, under a temporary name until it is complete."""

import hashlib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np

from narration.errors import IncompletePlanError
from worker.assembly.files.flac import StreamInfo, file_head
from worker.assembly.files.join import Follow
from worker.assembly.lossless.frames import BLOCK, encode_frames
from worker.assembly.lossless.stretches import StretchSound, lead
from worker.assembly.replacing import replacing
from worker.assembly.types import AudioFormat, ChapterMark, Tags
from worker.chatterbox.config import SAMPLE_RATE_HZ

_SAMPLE_BYTES = 2
# RF64 beyond 24 hours; no timestamps, so that the same sound gives the same bytes.
_WAV_OPTIONS = {"rf64": "auto", "fflags": "+bitexact"}


def write_lossless(
    path: Path,
    sounds: Iterable[StretchSound],
    audio_format: AudioFormat,
    *,
    tags: Tags,
    chapters: Sequence[ChapterMark] = (),
    follow: Follow | None = None,
) -> None:
    """Write the stretches of a programme, in order, as WAV, which holds few tags, or as FLAC.

    For FLAC they need their frames, and `follow` is called as the file grows.
    Raises: OutputError if it cannot be written; no file is left behind then.
    """
    with replacing(path) as partial:
        if audio_format is AudioFormat.WAV:
            _write_wav(partial, sounds, _metadata(tags))
            return
        with partial.open("wb") as file:
            writer = _FlacWriter(file, tags, chapters)
            start = file.tell()
            for sound in sounds:
                writer.write(sound)
                if follow is not None:
                    file.flush()
                    follow(partial, range(start, file.tell()))
            writer.finish()


class _FlacWriter:
    """Joins the frames of stretches, and encodes the block that lies across each seam."""

    def __init__(self, file: BinaryIO, tags: Tags, chapters: Sequence[ChapterMark]) -> None:
        self._file = file
        self._about = (tags, chapters)
        self._digest = hashlib.md5(usedforsecurity=False)
        self._samples = 0
        self._seam = b""  # the start of a block that the next stretch goes on with
        self._sizes: set[int] = set()
        file.write(file_head(self._info(), *self._about))  # its size does not change any more

    def write(self, sound: StretchSound) -> None:
        if sound.start != self._samples:
            raise IncompletePlanError(f"sample {self._samples} of a programme is missing")
        before = lead(sound.start) * _SAMPLE_BYTES
        whole = (len(sound.pcm) - before) // (BLOCK * _SAMPLE_BYTES) * BLOCK * _SAMPLE_BYTES
        self._seam += sound.pcm[:before]
        if len(self._seam) == BLOCK * _SAMPLE_BYTES:
            self._write_seam()
        self._file.write(sound.frames)
        self._sizes |= set(sound.sizes_bytes or ())
        self._seam += sound.pcm[before + max(whole, 0) :]
        self._digest.update(sound.pcm)
        self._samples += len(sound.pcm) // _SAMPLE_BYTES

    def finish(self) -> None:
        self._write_seam()
        self._file.seek(0)
        self._file.write(file_head(self._info(), *self._about))

    def _write_seam(self) -> None:
        number = self._samples // BLOCK
        for frame in encode_frames(np.frombuffer(self._seam, dtype="<i2"), number):
            self._file.write(frame)
            self._sizes.add(len(frame))
        self._seam = b""

    def _info(self) -> StreamInfo:
        return StreamInfo(
            block=BLOCK,
            frame_bytes=(min(self._sizes, default=0), max(self._sizes, default=0)),
            sample_rate_hz=SAMPLE_RATE_HZ,
            samples=self._samples,
            md5=self._digest.digest(),
        )


def _write_wav(path: Path, sounds: Iterable[StretchSound], metadata: dict[str, str]) -> None:
    with av.open(str(path), "w", format="wav", options=_WAV_OPTIONS) as container:
        stream = container.add_stream("pcm_s16le", rate=SAMPLE_RATE_HZ, layout="mono")
        assert isinstance(stream, av.AudioStream)
        container.metadata.update(metadata)
        for sound in sounds:
            samples = np.frombuffer(sound.pcm, dtype="<i2")
            frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE_HZ
            frame.time_base = Fraction(1, SAMPLE_RATE_HZ)
            frame.pts = sound.start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _metadata(tags: Tags) -> dict[str, str]:
    fields = {
        "title": tags.title,
        "artist": tags.author,
        "album": tags.work_title,
        "album_artist": tags.author,
        "composer": tags.narrator,
        "genre": tags.genre,
        "date": tags.date,
        "publisher": tags.publisher,
        "comment": tags.comment,
    }
    return {key: text for key, text in fields.items() if text}
