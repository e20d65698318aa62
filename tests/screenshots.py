"""Take the pictures of the page that README.md shows: python -m tests.screenshots [FOLDER].

A page with a few narrations, made by a model that makes tones, in both schemes. Needs Chromium.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.page_browser import ServedPage, Visit, launch, served_page

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "images"
VIEW = {"width": 1120, "height": 700}
QUALITY = 80  # of the JPEGs
BOOKS = (
    ("The Lamp", "A. Writer", "# The Lamp\n\nAnna lit the lamp at half past seven.\n\nIt rained."),
    ("Letters Home", "B. Other", "Dear Anna,\n\nthe road is long and the horses are tired."),
    ("A Short History of Rain", "C. Third", "It has always rained here.\n\nNobody knows why."),
)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, served_page(Path(scratch) / "data") as served:
        story = _fill(served)
        for scheme in ("light", "dark"):
            with _page(served, scheme) as page:
                page.goto(served.url)
                expect(page.get_by_text("The Selfish Giant").first).to_be_visible()
                _shoot(page, folder / f"bookshelf-{scheme}.jpg")
                page.goto(f"{served.url}#/jobs/{story}")
                page.get_by_text("The Long Winter").last.click()
                page.wait_for_timeout(1_500)  # the text comes after the player, and moves to it
                _shoot(page, folder / f"listening-{scheme}.jpg")


def _fill(served: ServedPage) -> str:
    """Narrate some texts; return the id of the job to show in the player."""
    for title, author, text in BOOKS:
        served.finish(text, title=title, author=author, format="markdown")
    story = (ROOT / "examples" / "the-selfish-giant.md").read_text(encoding="utf-8")
    return served.finish(story, format="markdown", outputs=["m4b", "vtt"])


@contextmanager
def _page(served: ServedPage, scheme: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        visit = Visit(browser, served.url, viewport=VIEW, color_scheme=scheme)
        yield visit.page
        visit.close()
        browser.close()


def _shoot(page: Page, path: Path) -> None:
    page.screenshot(path=path, type="jpeg", quality=QUALITY)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
