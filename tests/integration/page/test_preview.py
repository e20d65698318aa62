"""The preview: chapters, duration and omissions, before anything is spoken."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.cluster import wait_for
from tests.epubs import make_epub
from tests.page_browser import ServedPage

Open = Callable[..., Page]
PROSE = "It was a bright cold day in April. The clocks were striking thirteen."
CODE = "```\nfirst = second + third\n```"


def book(name: str) -> str:
    return (
        f"# {name} one\n\n{PROSE}\n\n# {name} two\n\n{PROSE}\n\n{CODE}\n\n# {name} three\n\n{PROSE}"
    )


def test_only_the_chosen_chapters_are_narrated(open_page: Open, served: ServedPage) -> None:
    page = open_page("#/new")
    page.get_by_label("Text to be read").fill(book("Preview"))
    chapters = page.get_by_role("group", name="Chapters")
    expect(chapters.get_by_role("checkbox")).to_have_count(3)
    expect(page.locator(".totals")).to_contain_text(re.compile("words in 3 chapters"))
    expect(page.locator(".totals")).to_contain_text("of speech")
    chapters.get_by_label("Preview two").uncheck()
    expect(page.locator(".totals")).to_contain_text("in 2 chapters")
    page.get_by_role("button", name="Narrate").click()
    expect(page.get_by_role("heading", name="Preview one")).to_be_visible()
    job_id = page.url.rpartition("/")[2]
    job = httpx.get(f"{served.api}/jobs/{job_id}").json()
    assert job["settings"]["chapters"] == [1, 3]
    wait_for(lambda: served.state(job_id) == "succeeded", 60, "the end of the job")
    chunks = httpx.get(f"{served.api}/jobs/{job_id}/chunks").json()["items"]
    captions = [chunk["caption"] for chunk in chunks]
    assert "Preview three" in captions
    assert "Preview two" not in captions


def test_what_is_skipped_is_told_before_anything_is_spoken(
    open_page: Open, served: ServedPage
) -> None:
    before = len(served.jobs())
    page = open_page("#/new")
    page.get_by_label("Text to be read").fill(book("Skipped"))
    notes = page.locator(".reading-notes")
    expect(notes).to_contain_text("program code")
    assert not re.search(r"\bchunk|_|media type", page.locator(".preview").inner_text())
    assert len(served.jobs()) == before


def test_a_dropped_book_shows_its_chapters(open_page: Open, tmp_path: Path) -> None:
    path = tmp_path / "tale.epub"
    pages = {name: f"<h1>Part {name}</h1><p>{PROSE}</p>" for name in ("one", "two")}
    path.write_bytes(make_epub(pages))
    page = open_page("#/new")
    page.locator("input[type=file]").set_input_files(path)
    expect(page.get_by_label("Part two")).to_be_checked()


def test_no_chapter_at_all_is_no_narration(open_page: Open, served: ServedPage) -> None:
    before = len(served.jobs())
    page = open_page("#/new")
    page.get_by_label("Text to be read").fill(book("Nothing"))
    page.get_by_role("button", name="Choose none").click()
    expect(page.locator(".totals")).to_have_text("No chapter is chosen.")
    page.get_by_role("button", name="Narrate").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose at least one chapter")
    assert len(served.jobs()) == before
    page.get_by_role("button", name="Choose all").click()
    expect(page.locator(".totals")).to_contain_text("3 chapters")


def test_a_choice_outlives_a_change_of_settings_but_not_of_the_text(open_page: Open) -> None:
    page = open_page("#/new")
    page.get_by_label("Text to be read").fill(book("Kept"))
    page.get_by_label("Kept two").uncheck()
    page.get_by_label("Long").check()
    expect(page.locator(".totals")).to_contain_text("of speech")
    expect(page.get_by_label("Kept two")).not_to_be_checked()
    page.get_by_label("Text to be read").fill(book("Other"))
    expect(page.get_by_label("Other two")).to_be_checked()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_preview_fits_the_window(open_page: Open, width: int) -> None:
    page = open_page("#/new", viewport={"width": width, "height": 800})
    page.get_by_label("Text to be read").fill(book("A rather long title of a chapter " * 4))
    expect(page.get_by_role("group", name="Chapters")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    heights = page.eval_on_selector_all(
        ".chapters label, .chapters button", "all => all.map((each) => each.offsetHeight)"
    )
    assert min(heights) >= 44


def test_what_cannot_be_read_is_told_before_the_button_is_pressed(
    open_page: Open, tmp_path: Path
) -> None:
    path = tmp_path / "broken.epub"
    path.write_bytes(b"PK\x03\x04 no")
    page = open_page("#/new")
    page.locator("input[type=file]").set_input_files(path)
    expect(page.locator("section.source").get_by_role("alert")).to_contain_text("cannot be read.")
    page.get_by_role("button", name="Narrate").click()
    expect(page.locator(".submit").get_by_role("alert")).to_contain_text("It was not taken.")
    expect(page.get_by_role("alert")).to_have_count(1)
    expect(page.locator(".preview")).to_be_hidden()


def test_what_to_know_about_a_text_is_told_without_names_of_the_code(open_page: Open) -> None:
    page = open_page("#/new")
    text = f"# Mixed\n\n{PROSE}\n\n<div data-told='{'x' * 4000}'></div>\n\n{PROSE}"
    page.get_by_label("Text to be read").fill(text)
    notes = page.locator(".reading-notes")
    expect(notes).to_contain_text("of the text is not read aloud. Listen to a part of it")
    expect(notes).to_contain_text("Left out: HTML code.")
    assert re.search(r"html \d|characters\)", notes.inner_text()) is None
    expect(page.locator("#source-count")).to_be_empty()  # one count is enough
