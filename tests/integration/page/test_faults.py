"""Keys, lost servers, reloads at any time: nothing is lost, and problems are reported."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.builders import make_text
from tests.page_browser import ServedPage, Visit, served_page, wait_until

Begin = Callable[..., Visit]
KEY = "a key of Anna's"


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[ServedPage]:
    with served_page(tmp_path / "slow", "--chunk-s", "0.4") as served:
        yield served


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedPage]:
    folder = tmp_path_factory.mktemp("locked") / "data"
    with served_page(folder, "--key", KEY) as served:
        yield served


def sign_in(page: Page, key: str = KEY) -> None:
    page.get_by_label("Key").fill(key)
    page.get_by_role("dialog").get_by_role("button", name="Sign in").click()


def test_after_signing_in_once_everything_plays_and_downloads(
    visit: Begin, locked: ServedPage, tmp_path: Path
) -> None:
    page = visit(locked.url).open("#/new")
    sign_in(page)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_label("Text to be read").fill("Behind a lock\n\nIt plays all the same.")
    page.get_by_role("button", name="Narrate").click()
    page.get_by_role("button", name="Play", exact=True).click()
    wait_until(page, "document.querySelector('audio').currentTime > 0.2")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("M4B")).click()
    download.value.save_as(tmp_path / "book.m4b")
    assert (tmp_path / "book.m4b").stat().st_size > 1000
    page.reload()
    expect(page.get_by_role("heading", name="Behind a lock")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_wrong_key_is_told_in_words(visit: Begin, locked: ServedPage) -> None:
    page = visit(locked.url).open()
    expect(page.get_by_role("dialog")).to_be_visible()
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    sign_in(page, "wrong")
    expect(page.get_by_text("This key is not known here.")).to_be_visible()
    assert "Bearer" not in page.locator("body").inner_text()
    sign_in(page)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("heading", name="Your bookshelf")).to_be_visible()


def test_signing_in_cannot_be_dismissed(visit: Begin, locked: ServedPage) -> None:
    page = visit(locked.url).open()
    expect(page.get_by_role("dialog")).to_be_visible()
    for _ in range(3):  # Chromium lets the second close any dialog
        page.keyboard.press("Escape")
    expect(page.get_by_label("Key")).to_be_focused()
    sign_in(page)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator(".card:not(.waiting), .empty").first).to_be_visible()


def test_who_had_to_sign_in_again_goes_on_where_they_were(visit: Begin, locked: ServedPage) -> None:
    page = visit(locked.url).open()
    sign_in(page)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.context.clear_cookies()
    search = page.get_by_role("searchbox")
    search.fill("Rain")
    sign_in(page)
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(search).to_be_focused()


def test_a_reload_and_a_restart_in_the_midst_lose_nothing(visit: Begin, slow: ServedPage) -> None:
    job_id = slow.submit(make_text(60), title="Interrupted")
    page = visit(slow.url).open(f"#/jobs/{job_id}")
    expect(page.locator(".told").first).to_contain_text("Speaking")
    page.reload()
    expect(page.locator(".told").first).to_contain_text("Speaking")
    slow.kill()
    expect(page.get_by_text("The server does not answer. Trying again…")).to_be_visible()
    slow.start()
    expect(page.locator("#connection")).to_be_hidden()
    expect(page.locator(".files a").first).to_be_visible(timeout=120_000)


def test_time_left_is_told_once_it_is_known_and_is_about_right(
    visit: Begin, slow: ServedPage
) -> None:
    slow.finish(make_text(12), title="Spoken before")
    job_id = slow.submit(make_text(12) + "\n\n" + make_text(120, name="another"), title="Half new")
    page = visit(slow.url).open(f"#/jobs/{job_id}")
    told = page.locator(".told").first
    wait_until(page, "/left/.test(document.querySelector('.told')?.textContent)")
    left = re.search(r"about (\d+) (s|min) left", told.inner_text())
    assert left is not None
    said_s = int(left[1]) * (60 if left[2] == "min" else 1)
    begin = page.evaluate("performance.now()")
    expect(page.locator(".files a").first).to_be_visible(timeout=200_000)
    took_s = (page.evaluate("performance.now()") - begin) / 1000
    assert said_s == pytest.approx(took_s, rel=0.6, abs=8)


def test_a_job_is_canceled_and_goes_on_from_where_it_was(visit: Begin, slow: ServedPage) -> None:
    job_id = slow.submit(make_text(20), title="Canceled")
    page = visit(slow.url).open(f"#/jobs/{job_id}")
    expect(page.locator(".told").first).to_contain_text("Speaking")
    page.get_by_role("button", name="Cancel Canceled").click()
    expect(page.get_by_text("You stopped it.")).to_be_visible()
    page.get_by_role("button", name="Try again: Canceled").click()
    expect(page.locator(".files a").first).to_be_visible(timeout=120_000)


def test_progress_is_told_and_not_asked_for(visit: Begin, slow: ServedPage) -> None:
    job_id = slow.submit(make_text(60), title="Told")
    visited = visit(slow.url)
    asked: list[str] = []
    visited.page.on("request", lambda request: asked.append(request.url))
    page = visited.open(f"#/jobs/{job_id}")
    told = page.locator(".told").first
    expect(told).to_contain_text("Speaking")
    before, asked_before = told.inner_text(), len(asked)
    wait_until(page, f"document.querySelector('.told').textContent !== {before!r}")
    page.wait_for_timeout(3000)
    heard = re.compile("/(listen|chunks)")  # what can be listened to, and its text
    later = [url for url in asked[asked_before:] if "/v1/jobs" in url]
    assert len([url for url in later if not heard.search(url)]) <= 2


def test_the_end_of_a_job_is_announced(visit: Begin, slow: ServedPage) -> None:
    job_id = slow.submit(make_text(12), title="Announced")
    page = visit(slow.url).open(f"#/jobs/{job_id}")
    expect(page.locator(".told").first).to_contain_text("Speaking")
    expect(page.locator("#announcer")).to_have_text("Announced: Ready", timeout=120_000)


def test_a_server_that_is_down_from_the_start_is_told_and_waited_for(
    visit: Begin, slow: ServedPage
) -> None:
    page = visit(slow.url).open("#/voices")
    expect(page.get_by_text("The house voice", exact=True)).to_be_visible()
    slow.kill()
    page.get_by_role("link", name="Bookshelf", exact=True).click()
    expect(page.get_by_text("The server does not answer. Trying again…")).to_be_visible()
    slow.start()
    expect(page.get_by_role("heading", name="The bookshelf is empty")).to_be_visible()


def test_every_view_reads_what_it_could_not_read_once_the_server_is_back(
    visit: Begin, slow: ServedPage
) -> None:
    job_id = slow.finish("It rained all day.", title="Rain", outputs=["mp3"])
    begun = [visit(slow.url).open("#/voices") for _ in range(3)]
    for page in begun:
        expect(page.get_by_text("The house voice", exact=True)).to_be_visible()
    slow.kill()
    places = (f"#/jobs/{job_id}", "#/new", "#/voices")
    for page, place in zip(begun, places, strict=True):
        page.evaluate("location.hash = '#/'")
        page.evaluate(f"location.hash = '{place}'")
        expect(page.locator("#connection")).to_be_visible()
    listening, composing, voices = begun
    composing.get_by_label("Text to be read").fill("Three more words.")
    slow.start()
    expect(listening.locator("section.text")).to_contain_text("It rained all day.")
    expect(listening.get_by_role("link", name="MP3")).to_be_visible()
    expect(composing.locator(".totals")).to_contain_text("3 words")
    expect(voices.get_by_text("The house voice", exact=True)).to_be_visible()
