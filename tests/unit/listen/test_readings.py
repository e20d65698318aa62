"""How readings of two machines are compared; what is heard is given."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests.listen.quality import Opinion
from tests.listen.readings import NotComparable, compare_folders, main, show
from tests.listen.render_command import Clip
from worker.chatterbox.config import SAMPLE_RATE_HZ

TEXTS = ("the cat sat", "her dog ran")


class Ears:
    """Hears of a clip that lasts n seconds what stands at n."""

    def __init__(self, *heard: str) -> None:
        self._heard = heard

    def transcribe(self, waveform: npt.NDArray[np.float32]) -> str:
        return self._heard[round(len(waveform) / SAMPLE_RATE_HZ)]


class Judge:
    def rate(self, clips: Sequence[Clip]) -> Opinion:
        seconds = sum(clip.duration_s for clip in clips)
        return Opinion(signal=0, background=0, overall=seconds)


def write(folder: Path, name: str, *seconds: int) -> None:
    folder.mkdir(exist_ok=True)
    chunks: list[dict[str, Any]] = []
    for text, duration_s in zip(TEXTS, seconds, strict=True):
        start_s = sum(chunk["duration_s"] for chunk in chunks)
        chunks.append({"text": text, "start_s": start_s, "duration_s": duration_s})
    path = folder / f"{name}.flac"
    soundfile.write(path, np.zeros(sum(seconds) * SAMPLE_RATE_HZ), SAMPLE_RATE_HZ)
    path.with_suffix(".manifest.json").write_text(json.dumps({"chunks": chunks}))


def test_voices_are_compared_by_the_readings_that_both_folders_have(tmp_path: Path) -> None:
    ears: Any = Ears("", "the cat sat", "her dog ran", "the bat sat", "he dog and")
    judge: Any = Judge()
    cpu, gpu = tmp_path / "cpu", tmp_path / "gpu"
    for folder in (cpu, gpu):
        write(folder, "kumo-0", 1, 2)
    write(cpu, "kumo-1", 1, 2)
    write(gpu, "kumo-1", 3, 4)
    write(cpu, "kumo-2", 1, 2)  # the other machine was not that far
    [kumo] = compare_folders(cpu, gpu, ears, judge)
    assert (kumo.voice, kumo.first.words) == ("kumo", 12)
    assert kumo.first.errors == [0, 0, 0, 0]
    assert kumo.second.errors == [0, 0, 1, 2]
    assert kumo.second.rates == [0, 0.5]
    assert kumo.word_error == 0.25
    assert kumo.standard_error == pytest.approx(np.std([0, 0, 1, 2]) * 2 / 12)
    assert kumo.dnsmos == 2  # (7 - 3) / 2
    assert show([kumo]).row_count == 1


def test_a_voice_may_have_a_hyphen_in_its_name(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write(tmp_path / name, "low-voice-12", 1, 1)
    ears: Any = Ears("", "the cat sat")
    judge: Any = Judge()
    [found] = compare_folders(tmp_path / "one", tmp_path / "other", ears, judge)
    assert found.voice == "low-voice"


def test_readings_of_other_sentences_are_not_compared(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write(tmp_path / name, "kumo-0", 1, 1)
    record = tmp_path / "other" / "kumo-0.manifest.json"
    record.write_text(record.read_text().replace("cat", "bat"))
    ears: Any = Ears("", "the cat sat")
    judge: Any = Judge()
    with pytest.raises(NotComparable, match=r"kumo-0\.flac is of other sentences"):
        compare_folders(tmp_path / "one", tmp_path / "other", ears, judge)


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_folders_without_a_common_reading_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, is_interrupted: bool
) -> None:
    write(tmp_path / "one", "kumo-0", 1, 1)
    if is_interrupted:  # the sound was fetched, its manifest was not
        write(tmp_path / "other", "kumo-0", 1, 1)
        (tmp_path / "other" / "kumo-0.manifest.json").unlink()
    with pytest.raises(SystemExit):
        main(["compare", str(tmp_path / "one"), str(tmp_path / "other")])
    assert "have no reading in common" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--seeds", "-1"], "'-1' is no seed"),
        (["--seeds", "one"], "'one' is no seed"),
        (["--server", "http://127.0.0.1:1", "--model", "demo"], "a service has a model of its own"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    with pytest.raises(SystemExit):
        main(["speak", str(tmp_path), *arguments])
    assert told in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=r"readings: .*file"):
        main(["speak", str(tmp_path / "file")])
