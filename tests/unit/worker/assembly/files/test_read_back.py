"""Tags of our files, read by tinytag and libav, which are independent of our code."""

from pathlib import Path

import av
import numpy as np
import pytest
from tinytag import TinyTag

from tests.joined import join, make_programme
from tests.lossless import write
from tests.pictures import make_png
from worker.assembly.types import AudioFormat, ChapterMark, Picture, Tags

BOOK = Tags(
    title="Über die Brücke",
    author="A. Writer, B. Writer",
    narrator="Anna",
    genre="Audiobook",
    date="1913-05-01",
    description="A river; and what lies \u2018beyond\u2019 it. " * 20,
    publisher="The Press",
    series="Rivers",
    series_position="2.5",
    isbn="9780000000001",
    cover=Picture(data=make_png(), media_type="image/png"),
    watermark="perth",
)
FORMATS = [
    AudioFormat.M4B,
    AudioFormat.M4A,
    AudioFormat.MP3,
    AudioFormat.OPUS,
    AudioFormat.FLAC,
]


@pytest.fixture(scope="module", params=FORMATS, ids=str)
def book(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / f"book.{request.param}"
    programme = make_programme([1.0, 1.0], pause_ms=600)
    chapters = [
        ChapterMark(title="Part I: One", start=0),
        ChapterMark(title="Two", start=programme.starts[1]),
    ]
    if request.param is AudioFormat.FLAC:
        sound = np.zeros(programme.samples, dtype=np.float32)
        write(path, sound, tags=BOOK, chapters=chapters)
    else:
        join(path, programme, [0, 1], request.param, chapters, tags=BOOK)
    return path


def test_the_work_is_its_own_album(book: Path) -> None:
    tag = TinyTag.get(book)
    assert (tag.title, tag.album) == (BOOK.title, BOOK.title)
    assert (tag.artist, tag.albumartist) == (BOOK.author, BOOK.author)
    assert (tag.genre, tag.year) == ("Audiobook", BOOK.date)


def test_wav_says_what_it_has_room_for(tmp_path: Path) -> None:
    path = write(tmp_path / "book.wav", np.zeros(24_000, dtype=np.float32), tags=BOOK)
    tag = TinyTag.get(path)
    assert (tag.title, tag.artist, tag.album) == (BOOK.title, BOOK.author, BOOK.title)
    assert (tag.genre, tag.year) == ("Audiobook", BOOK.date)


def test_the_narrator_stands_where_players_look(book: Path) -> None:
    assert TinyTag.get(book).composer == "Anna"


def test_series_publisher_and_description_are_kept(book: Path) -> None:
    with av.open(str(book)) as container:
        tags = {**container.metadata, **container.streams.audio[0].metadata}
    tags_read = {name.lower(): text for name, text in tags.items()}
    assert (tags_read["series"], tags_read["series-part"]) == ("Rivers", "2.5")
    assert tags_read["isbn"] == "9780000000001"
    # libav merges two fields of Ogg into one comment, so the other reader is used there.
    described = [tags_read.get("synopsis"), tags_read.get("description"), *_texts(book)]
    assert BOOK.description in described
    if book.suffix in {".mp3", ".opus", ".flac"}:
        assert tags_read["publisher"] == "The Press"


def _texts(book: Path) -> list[str]:
    values = TinyTag.get(book).as_dict().values()
    return [text for value in values if isinstance(value, list) for text in value]


def test_the_cover_is_the_picture_byte_for_byte(book: Path) -> None:
    cover = TinyTag.get(book, image=True).images.front_cover
    assert cover is not None
    assert (cover.data, cover.mime_type) == (BOOK.cover and BOOK.cover.data, "image/png")


def test_sound_and_chapters_are_still_found_beside_the_cover(book: Path) -> None:
    with av.open(str(book)) as container:
        assert [stream.codec_context.channels for stream in container.streams.audio] == [1]
        titles = [mark["metadata"]["title"] for mark in container.chapters()]
        assert sum(frame.samples for frame in container.decode(audio=0)) > 0
    assert titles == ["Part I: One", "Two"]


def test_only_an_m4b_is_branded_as_a_book(book: Path) -> None:
    with av.open(str(book)) as container:
        brand = container.metadata.get("major_brand")
        media_type = container.metadata.get("media_type")
    if book.suffix in {".m4b", ".m4a"}:
        assert brand == ("M4B " if book.suffix == ".m4b" else "M4A ")
        assert media_type == "2"
