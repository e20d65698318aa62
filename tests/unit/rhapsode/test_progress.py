"""Progress is shown on terminals only, with the number of chunks and the speed."""

import pytest

from rhapsode.progress import Rendered, download_bar, render_bar

HALF = Rendered(state="rendering", chunks_done=1, chunks_total=2, audio_s=3.0, elapsed_s=1.0)


def test_nothing_is_drawn_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with render_bar(is_quiet=False) as bar:
        bar.show(HALF)
    with download_bar() as downloads:
        downloads.update(downloads.add_task("weights", total=2), completed=1)
    assert capsys.readouterr().err == ""


def test_a_terminal_sees_chunks_and_speed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
    monkeypatch.setenv("COLUMNS", "120")
    with render_bar(is_quiet=False) as bar:
        bar.show(HALF)
    assert "1/2 chunks" in capsys.readouterr().err


def test_the_pace_of_slow_chunks_is_remembered() -> None:
    with download_bar() as progress:
        assert progress.speed_estimate_period >= 600
