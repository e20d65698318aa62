"""A voice by microphone or from a file: heard, named, used, deleted."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from tests.cluster import wait_for
from tests.page_browser import ServedPage, wait_until
from tests.unit.api.conftest import recording

Open = Callable[..., Page]


def voices(served: ServedPage) -> list[str]:
    return [voice["name"] for voice in httpx.get(f"{served.api}/voices").json()["items"]]


def test_a_voice_is_recorded_by_microphone_and_speaks(open_page: Open, served: ServedPage) -> None:
    page = open_page("#/voices", permissions=["microphone"])
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_role("button", name="Stop (6 s)")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_label("Your recording")).to_be_visible()
    page.get_by_label("Name").fill("Großmutter Anna")
    page.get_by_role("button", name="Save the voice").click()
    expect(page.get_by_text("Your voice · from")).to_be_visible()
    assert voices(served) == ["Grossmutter-Anna"]
    page.get_by_role("link", name="New narration").click()
    page.get_by_label("Voice", exact=True).select_option("Grossmutter-Anna")


def test_too_short_a_recording_is_told_before_it_is_sent(open_page: Open) -> None:
    page = open_page("#/voices", permissions=["microphone"])
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_role("button", name="Stop (1 s)")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("At least 5 seconds are needed")).to_be_visible()


def test_a_voice_from_a_file_is_kept_until_nobody_undoes_its_end(
    open_page: Open, served: ServedPage, tmp_path: Path
) -> None:
    (tmp_path / "me.wav").write_bytes(recording(6.0))
    page = open_page("#/voices")
    page.locator("input[type=file]").set_input_files(tmp_path / "me.wav")
    page.get_by_label("Name").fill("Me")
    page.get_by_role("button", name="Save the voice").click()
    delete = page.get_by_role("button", name="Delete the voice Me")
    delete.click()
    page.get_by_role("button", name="Undo").click()
    expect(delete).to_be_visible()
    delete.click()
    # Another view of the voices is shown by the time of the undo.
    page.get_by_role("link", name="Bookshelf", exact=True).click()
    page.get_by_role("link", name="Voices").click()
    expect(page.get_by_text("The house voice", exact=True)).to_be_visible()
    expect(delete).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(delete).to_be_visible()
    delete.click()
    page.get_by_role("button", name="Dismiss").click()
    expect(delete).to_have_count(0)
    # It is gone from the page at once, and from the server a moment later.
    wait_for(lambda: "Me" not in voices(served), 10, "end of the voice")


def test_what_is_no_recording_is_told_in_words(open_page: Open, tmp_path: Path) -> None:
    (tmp_path / "me.wav").write_text("no sound")
    page = open_page("#/voices")
    page.locator("input[type=file]").set_input_files(tmp_path / "me.wav")
    page.get_by_label("Name").fill("Nobody")
    page.get_by_role("button", name="Save the voice").click()
    expect(page.locator(".new-voice .fault")).to_contain_text('"me.wav" is damaged, or not a sound')
    # Emptied, or a browser would not tell that the same file was chosen again.
    assert page.locator("input[type=file]").input_value() == ""


def test_a_voice_is_heard_before_it_is_chosen(open_page: Open, served: ServedPage) -> None:
    page = open_page("#/voices")
    listen = page.locator(".sample button").last
    expect(listen).to_have_accessible_name("Listen to the house voice")
    listen.click()
    expect(listen).to_have_text("Stop")
    wait_until(page, "[...document.querySelectorAll('.sample audio')].at(-1).duration > 1")
    listen.click()
    expect(listen).to_have_text("Listen")
    kept = httpx.get(f"{served.api}/jobs", params={"kind": "preview"}).json()["items"]
    assert [job["state"] for job in kept] == ["succeeded"]


def test_an_expression_is_heard_before_it_is_chosen(open_page: Open, served: ServedPage) -> None:
    page = open_page("#/new")
    slider = page.get_by_role("slider", name=re.compile("^Expression"))
    slider.fill("1.2")
    listen = page.locator(".sample button")
    expect(listen).to_have_accessible_name("Listen to the house voice, dramatic")
    listen.click()
    expect(listen).to_have_text("Stop")
    slider.fill("0.2")
    expect(listen).to_have_text("Listen")
    kept = httpx.get(f"{served.api}/jobs", params={"kind": "preview"}).json()["items"]
    assert 1.2 in [job["settings"]["delivery"]["exaggeration"] for job in kept]
