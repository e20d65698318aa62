"""A flagged sentence is retaken, its takes are compared, one is chosen, and the file is new."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.cluster import wait_for
from tests.page_browser import ServedPage, wait_until

Open = Callable[..., Page]
STORY = (
    "Morning number one was bright. The gate stood open, and nobody went in.\n\n"
    "The rain came down in sheets on the {word} fields beyond the mill and the road.\n\n"
    "They sat by the fire until the lamps were lit in the town below."
)


def opened(open_page: Open, served: ServedPage, word: str, **quality: Any) -> tuple[Page, str]:
    settings = {"outputs": ["mp3"], "quality": {"max_takes": 1, **quality}, "max_chars": 120}
    job_id = served.finish(STORY.format(word=word), title=f"Of {word} fields", **settings)
    page = open_page(f"#/jobs/{job_id}")
    expect(page.get_by_role("heading", name="1 place to check by ear")).to_be_visible()
    return page, job_id


def job(served: ServedPage, job_id: str) -> Any:
    return httpx.get(f"{served.api}/jobs/{job_id}").json()


def test_flagged_place_is_said_again_compared_chosen_and_downloaded(
    open_page: Open, served: ServedPage, tmp_path: Path
) -> None:
    page, job_id = opened(open_page, served, "mumbled")
    expect(page.locator(".checks")).to_contain_text("nothing can be heard")
    page.get_by_role("button", name="Say it again: The rain").click()
    expect(page.locator(".checks")).to_contain_text("It was said again, and nothing was found.")
    current = job(served, job_id)
    assert (current["state"], current["revision"]) == ("succeeded", 2)
    assert current["progress"]["chunks_flagged"] == 0
    takes = page.locator(".takes li")
    expect(takes).to_have_count(2)
    expect(takes.nth(1)).to_contain_text("in use")
    page.get_by_role("button", name="Hear take 1").click()
    page.get_by_role("button", name="Use take 1").click()
    expect(takes.nth(0)).to_contain_text("in use")
    assert job(served, job_id)["revision"] == 3
    with page.expect_download() as download:
        page.get_by_role("link", name="MP3").click()
    download.value.save_as(tmp_path / "book.mp3")
    (listed,) = [
        artifact
        for artifact in httpx.get(f"{served.api}/jobs/{job_id}/artifacts").json()["items"]
        if artifact["name"] == "audio.mp3"
    ]
    assert hashlib.sha256((tmp_path / "book.mp3").read_bytes()).hexdigest() == listed["sha256"]


def test_flagged_place_is_kept_as_it_is(open_page: Open, served: ServedPage) -> None:
    page, job_id = opened(open_page, served, "hopeless")
    expect(page.locator(".job-head")).to_contain_text("1 to check")
    page.get_by_role("button", name="Keep it as it is").click()
    expect(page.get_by_role("heading", name="Nothing to check")).to_be_visible()
    expect(page.locator(".sentence.flagged")).to_have_count(0)
    expect(page.locator(".job-head")).not_to_contain_text("1 to check")
    assert job(served, job_id)["revision"] == 1


def test_text_is_corrected_where_it_is_said_wrong(open_page: Open, served: ServedPage) -> None:
    page, job_id = opened(open_page, served, "hopeless")
    page.get_by_text("Correct the text").click()
    text = page.get_by_label("How it is to be said")
    text.fill("?!")
    page.get_by_role("button", name="Say it so").click()
    expect(page.locator(".correction")).to_contain_text("write words")
    text.fill("The rain came down in sheets on the lonely fields beyond the mill.")
    page.get_by_role("button", name="Say it so").click()
    expect(page.locator(".checks")).to_contain_text("It was said again, and nothing was found.")
    assert job(served, job_id)["revision"] == 2
    assert page.evaluate("document.activeElement.closest('.check') !== null")


def test_job_that_asked_for_perfection_is_delivered_once_its_place_is_kept(
    open_page: Open, served: ServedPage
) -> None:
    quality = {"max_takes": 1, "policy": "strict"}
    job_id = served.submit(STORY.format(word="hopeless"), outputs=["mp3"], quality=quality)
    wait_for(lambda: served.state(job_id) == "failed", 120, "the end by strictness")
    page = open_page(f"#/jobs/{job_id}")
    expect(page.get_by_role("heading", name="1 place to check by ear")).to_be_visible()
    page.get_by_role("button", name="Listen at").click()
    page.get_by_role("button", name="Keep it as it is").click()
    expect(page.get_by_role("link", name="MP3")).to_be_visible()
    assert job(served, job_id)["state"] == "succeeded"


def test_any_sentence_can_be_mended(open_page: Open, served: ServedPage) -> None:
    page, job_id = opened(open_page, served, "hopeless")
    page.get_by_role("button", name="They sat by the fire").first.click()
    wait_until(page, "!document.querySelector('audio').paused")
    page.get_by_role("button", name="Mend the chosen sentence").click()
    expect(page.get_by_role("heading", name="1 place to check by ear")).to_be_visible()
    page.get_by_role("button", name="Say it again: They sat").click()
    expect(page.locator(".checks")).to_contain_text("It was said again, and nothing was found.")
    assert job(served, job_id)["revision"] == 2


def test_what_is_heard_can_be_mended_from_the_player(open_page: Open, served: ServedPage) -> None:
    text = STORY.format(word="quiet")
    job_id = served.finish(text, title="All well", outputs=["mp3"], max_chars=120)
    page = open_page(f"#/jobs/{job_id}")
    expect(page.get_by_role("heading", name="Nothing to check")).to_be_visible()
    page.get_by_role("button", name="They sat by the fire").first.click()
    wait_until(page, "!document.querySelector('audio').paused")
    page.get_by_role("button", name="Mend this sentence").click()
    wait_until(page, "document.querySelector('audio').paused")
    assert page.evaluate("document.activeElement.closest('.check') !== null")
    page.get_by_role("button", name="Say it again: They sat").click()
    expect(page.locator(".checks")).to_contain_text("It was said again, and nothing was found.")
    expect(page.get_by_role("heading", name="Mend by ear")).to_be_visible()
    assert job(served, job_id)["revision"] == 2


def test_a_download_is_named_after_its_work(open_page: Open, served: ServedPage) -> None:
    job_id = served.finish("It rained.", title='Rain: "a" tale', outputs=["mp3"])
    page = open_page(f"#/jobs/{job_id}")
    with page.expect_download() as download:
        page.get_by_role("link", name="MP3").click()
    assert download.value.suggested_filename == "Rain a tale.mp3"
