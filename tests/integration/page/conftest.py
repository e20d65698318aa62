"""One served page and one Chromium for all tests of this folder; each test visits anew."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.page_browser import ServedPage, Visit, launch, served_page

Open = Callable[..., Page]


# One for all tests here: Playwright blocks the event loop of its thread, which others need.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedPage]:
    with served_page(tmp_path_factory.mktemp("page") / "data") as served:
        yield served


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Open pages; at the end none of them may have reported an error."""
    visits: list[Visit] = []

    def begin(url: str, **options: Any) -> Visit:
        visits.append(Visit(browser, url, **options))
        return visits[-1]

    yield begin
    for each in visits:
        each.close()
    assert [complaint for each in visits for complaint in each.complaints] == []


@pytest.fixture
def open_page(visit: Callable[..., Visit], served: ServedPage) -> Open:
    """Open a view of the shared page."""

    def begin(place: str = "", **options: Any) -> Page:
        return visit(served.url, **options).open(place)

    return partial(begin)
