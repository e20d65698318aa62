import json
from typing import Any

import pytest
from sqlalchemy.dialects import sqlite

from narration.database import StoredAs
from narration.engine import EngineIdentity
from narration.findings import Finding
from narration.jobs.job_error import JobError, read_error
from narration.jobs.outline_record import OutlinedChapter, OutlineRecord
from narration.jobs.planned import PlannedChapter
from narration.jobs.reading_record import JobWarning, ReadingRecord
from narration.jobs.work import WorkRecord
from narration.sound.gain import VoiceLevel
from narration.workers import ServedEngine
from tests.fakes import TONE

DIALECT = sqlite.dialect()
SILENT = Finding(flag="silent", measured=-80.0, limit=-45.0, unit="dBFS")
READING = ReadingRecord(
    title=None, authors=[], media_type="text/plain", language=None, words=1, characters=2,
    skipped={}, chapters_total=1, chapters=[], foreign_total=0, foreign=[], unknown_total=0,
    unknown=[], remarks=[],
)  # fmt: skip
CHAPTER = OutlinedChapter(
    number=1, title="One", part="", words=1, characters=2, is_chosen=True, chunks=1, audio_s=2.5
)
OUTLINE = OutlineRecord(
    title="A", author=None, source_characters=2, chunks=1, audio_s=2.5, chapters_total=1,
    chapters=[CHAPTER], warnings=[JobWarning(code="a", detail="b")], reading=READING,
)  # fmt: skip
VALUES = {
    tuple[Finding, ...]: (SILENT, SILENT),
    tuple[EngineIdentity, ...]: (TONE,),
    tuple[JobWarning, ...]: (JobWarning(code="a", detail="b"),),
    tuple[PlannedChapter, ...]: (PlannedChapter(title="One", first_chunk=0, number=3),),
    JobError: JobError(code="a", message="b", is_retryable=True),
    WorkRecord: WorkRecord(publisher="a"),
    OutlineRecord: OUTLINE,
    VoiceLevel: VoiceLevel(lufs=-21.5, losses=(0.0, -0.5)),
    ServedEngine: ServedEngine(**TONE.describe(), voice_digests={"ann": "d"}),
}


@pytest.mark.parametrize("kept", VALUES, ids=str)
def test_value_comes_back_from_json_as_it_was(kept: Any) -> None:
    column = StoredAs(kept)
    stored = json.loads(json.dumps(column.process_bind_param(VALUES[kept], DIALECT)))
    assert column.process_result_value(stored, DIALECT) == VALUES[kept]


def test_nothing_stays_nothing() -> None:
    column = StoredAs(JobError)
    assert column.process_bind_param(None, DIALECT) is None
    assert column.process_result_value(None, DIALECT) is None


@pytest.mark.parametrize(
    ("kept", "stored", "read"),
    [
        (Finding, {"flag": "a", "measured": 1, "limit": 2, "unit": "s", "severity": 3},
         Finding(flag="a", measured=1.0, limit=2.0, unit="s")),
        (PlannedChapter, {"title": "One", "first_chunk": 4},
         PlannedChapter(title="One", first_chunk=4)),
        (JobError, {"code": "a", "message": "b"}, JobError(code="a", message="b")),
    ],
)  # fmt: skip
def test_rows_of_other_versions_are_read(kept: Any, stored: dict[str, Any], read: Any) -> None:
    assert StoredAs(kept).process_result_value(stored, DIALECT) == read


def test_value_of_another_type_is_not_stored() -> None:
    with pytest.raises(ValueError, match="Finding"):
        StoredAs(Finding).process_bind_param(TONE, DIALECT)


def test_error_of_an_event_of_another_version_is_read() -> None:
    assert read_error({"code": "a", "later": 1}) == JobError(code="a")
