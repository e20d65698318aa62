import pytest

from narration.documents.types import Cover, Metadata, Series
from narration.errors import FieldsError
from narration.jobs.work import (
    MAX_COVER_BYTES,
    MAX_DESCRIPTION_CHARS,
    WorkRecord,
    cover_type,
    narrator_of,
    record_work,
    require_cover,
    usable_cover,
)
from tests.pictures import make_png

JPEG = b"\xff\xd8\xff\xe0 and so on"


def test_covers_are_told_by_their_first_bytes() -> None:
    assert (cover_type(make_png()), cover_type(JPEG)) == ("image/png", "image/jpeg")
    assert cover_type(b"<svg/>") is None


@pytest.mark.parametrize(
    ("data", "words"), [(b"GIF89a", "convert it"), (JPEG + bytes(MAX_COVER_BYTES), "smaller")]
)
def test_a_cover_that_players_cannot_show_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(FieldsError, match=words):
        require_cover(data)


def test_a_documents_own_cover_is_left_out_if_it_cannot_be_used() -> None:
    assert usable_cover(Cover(data=b"<svg/>", media_type="image/svg+xml")) is None
    assert usable_cover(Cover(data=JPEG, media_type="image/png")) == JPEG
    assert usable_cover(None) is None


def test_metadata_is_kept_as_bounded_lines() -> None:
    metadata = Metadata(
        date="1913\n",
        publisher="The \x00Press",
        description="So.\n" * MAX_DESCRIPTION_CHARS,
        series=Series(name="Rivers", position="2"),
    )
    work = record_work(metadata, narrator="anna", cover="image/png")
    assert (work.date, work.publisher, work.series_position) == ("1913", "The Press", "2")
    assert len(work.description or "") == MAX_DESCRIPTION_CHARS
    assert WorkRecord.model_validate(work.model_dump(mode="json")) == work


def test_the_default_voice_and_ids_are_no_names() -> None:
    assert narrator_of("anna") == "anna"
    assert narrator_of("default") is None
