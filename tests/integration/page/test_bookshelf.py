"""The bookshelf: any number of jobs, with all their actions."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from narration.clock import utc_now
from narration.database import make_engine, session_scope
from narration.jobs.record import Job
from narration.jobs.states import JobState
from narration.migrate import migrate
from tests.builders import make_job
from tests.page_browser import ServedPage, Visit, served_page, wait_until

Open = Callable[..., Page]
MANY = 10_000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedPage]:
    folder = tmp_path_factory.mktemp("many") / "data"
    folder.mkdir()
    fill(folder)
    with served_page(folder) as served:
        yield served


def fill(folder: Path) -> None:
    url = f"sqlite:///{folder / 'rhapsode.db'}"
    migrate(url)
    database = make_engine(url)
    begin = utc_now() - timedelta(seconds=MANY)
    for first in range(0, MANY, 1000):
        with session_scope(database) as session:
            for number in range(first, first + 1000):
                now = begin + timedelta(seconds=number)
                make_job(
                    session, f"Text {number}.", now=now, title=f"Book {number:05}", author="A. N."
                )
    with session_scope(database) as session:
        session.execute(update(Job).values(state=JobState.CANCELED, ended_at=utc_now()))
    database.dispose()


def test_ten_thousand_jobs_stay_quick(visit: Callable[..., Visit], many: ServedPage) -> None:
    page = visit(many.url).open()
    expect(page.get_by_role("heading", name="Book 09999")).to_be_visible()
    for _ in range(8):
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(150)
        assert page.locator(".card").count() <= 40
    begin = time.monotonic()
    page.get_by_label("Search title or author").fill("Book 00042")
    expect(page.get_by_role("heading", name="Book 00042")).to_be_visible()
    assert time.monotonic() - begin < 3
    expect(page.get_by_role("listitem")).to_have_count(1)


def test_a_search_and_a_filter_have_an_address(
    visit: Callable[..., Visit], many: ServedPage
) -> None:
    page = visit(many.url).open("#/?show=stopped&q=Book+0777")
    expect(page.get_by_role("heading", name="Book 07779")).to_be_visible()
    assert page.get_by_label("Stopped").is_checked()
    page.get_by_label("Ready").check()
    expect(page.get_by_text("Nothing by that name")).to_be_visible()
    assert "show=ready" in page.url


def test_deleting_can_be_undone(open_page: Open, served: ServedPage) -> None:
    job_id = served.finish("A short text that is kept.", title="Kept after all")
    page = open_page("#/?q=Kept")
    page.get_by_role("button", name="Delete Kept after all").click()
    expect(page.get_by_role("heading", name="Kept after all")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", name="Kept after all")).to_be_visible()
    assert served.state(job_id) == "succeeded"


def test_what_nobody_undoes_is_deleted(open_page: Open, served: ServedPage) -> None:
    served.finish("A short text that goes.", title="Gone for good")
    page = open_page("#/?q=Gone")
    page.get_by_role("button", name="Delete Gone for good").click()
    page.get_by_role("button", name="Dismiss").click()
    wait_until(
        page,
        "fetch('v1/jobs?search=Gone').then(r => r.json()).then(body => body.items.length === 0)",
    )


def test_leaving_the_page_deletes_what_was_waiting_for_it(
    open_page: Open, served: ServedPage
) -> None:
    served.finish("A short text that goes, too.", title="Left behind")
    page = open_page("#/?q=Left")
    page.get_by_role("button", name="Delete Left behind").click()
    page.goto("about:blank")
    deadline = time.monotonic() + 20
    while any(job["title"] == "Left behind" for job in served.jobs()):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_failed_job_says_why_and_can_be_tried_again(open_page: Open, served: ServedPage) -> None:
    served.submit("This is unspeakable.", title="Doomed")
    page = open_page("#/?q=Doomed")
    doomed = page.get_by_role("listitem").filter(has_text="Doomed")
    expect(doomed).to_contain_text("One sentence could not be spoken")
    page.get_by_role("button", name="Try again: Doomed").click()
    deadline = time.monotonic() + 20
    while [job["attempt"] for job in served.jobs() if job["title"] == "Doomed"] != [2]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    expect(doomed).to_contain_text("Stopped by a problem")


def test_an_empty_shelf_says_what_belongs_there(
    visit: Callable[..., Visit], tmp_path: Path
) -> None:
    with served_page(tmp_path / "empty") as served:
        page = visit(served.url).open()
        expect(page.get_by_role("heading", name="The bookshelf is empty")).to_be_visible()
        page.get_by_role("link", name="Make the first narration").click()
        expect(page.get_by_role("heading", name="New narration")).to_be_visible()


def test_an_address_of_the_first_page_still_leads_to_its_job(
    open_page: Open, served: ServedPage
) -> None:
    job_id = served.finish("An old address.", title="By its old address")
    page = open_page(f"#{job_id}")
    expect(page.get_by_role("heading", name="By its old address")).to_be_visible()


def test_an_unknown_job_is_told_in_words(open_page: Open) -> None:
    page = open_page(f"#/jobs/job_{'0' * 26}")
    expect(page.get_by_role("heading", name="There is no such narration")).to_be_visible()
