"""The page is accessible: axe finds nothing in any state, in both schemes, at every width."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.page_browser import ServedPage, shots_folder, wait_until

Open = Callable[..., Page]
WIDTHS = (390, 768, 1280)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
SMALL = """() => [...document.querySelectorAll('a, button, select, input, summary')]
    .filter((e) => e.checkVisibility() && !e.closest('.unseen, .skip, label, p, h2'))
    .map((e) => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
    .filter(([, box]) => box.height < 44 || box.width < 24)
    .map(([html, box]) => `${Math.round(box.width)}x${Math.round(box.height)} ${html}`)"""
STORY = "# One\n\nIt was bright. This is a hopeless day.\n\n# Two\n\nIt rained."


@pytest.fixture(scope="package")
def jobs(served: ServedPage) -> dict[str, str]:
    for _ in ("light", "dark"):
        served.finish("It goes into the bin.", title="For the bin")
    return {
        "ready": served.finish(STORY, format="markdown", title="For every eye", outputs=["mp3"]),
        "failed": served.submit("It is unspeakable.", title="For every ear"),
    }


def empty_bookshelf(page: Page, _: dict[str, str]) -> None:
    page.goto(page.url.split("#")[0] + "#/?q=nothing+like+it")
    expect(page.get_by_text("Nothing by that name")).to_be_visible()


def bookshelf(page: Page, _: dict[str, str]) -> None:
    page.goto(page.url.split("#")[0] + "#/?q=For+every")
    expect(page.get_by_role("listitem")).to_have_count(2)


def undo(page: Page, _: dict[str, str]) -> None:
    page.goto(page.url.split("#")[0] + "#/?q=For+the+bin")
    # There is one for each scheme: without Undo it is deleted when the page closes.
    page.get_by_role("button", name="Delete For the bin").first.click()
    page.get_by_role("button", name="Undo").focus()


def compose(page: Page, _: dict[str, str]) -> None:
    page.goto(page.url.split("#")[0] + "#/new")
    page.get_by_label("Text to be read").fill("# A heading\n\nAnd some text.")
    page.get_by_text("Title, author and more").click()


def preview(page: Page, _: dict[str, str]) -> None:
    page.goto(page.url.split("#")[0] + "#/new")
    page.get_by_label("Text to be read").fill(f"{STORY}\n\n```\nfirst = second\n```\n\n[^1]: Note.")
    expect(page.get_by_role("group", name="Chapters")).to_be_visible()


def file_chosen(page: Page, _: dict[str, str]) -> None:
    page.goto(page.url.split("#")[0] + "#/new")
    file = {"name": "broken.epub", "mimeType": "", "buffer": b"PK no"}
    page.locator("input[type=file]").set_input_files([file])  # type: ignore[list-item]
    expect(page.get_by_role("alert")).to_contain_text("It cannot be read.")


def refused(page: Page, _: dict[str, str]) -> None:
    page.goto(page.url.split("#")[0] + "#/new")
    page.get_by_role("button", name="Narrate").click()
    expect(page.get_by_role("alert")).to_be_visible()


def listening(page: Page, jobs: dict[str, str]) -> None:
    page.goto(page.url.split("#")[0] + f"#/jobs/{jobs['ready']}")
    expect(page.get_by_role("heading", name="1 place to check by ear")).to_be_visible()
    expect(page.get_by_role("link", name="MP3")).to_be_visible()


def mending(page: Page, jobs: dict[str, str]) -> None:
    listening(page, jobs)
    page.get_by_text("Compare takes").first.click()
    page.get_by_text("Correct the text").first.click()
    expect(page.locator(".takes li").first).to_be_visible()


def failed(page: Page, jobs: dict[str, str]) -> None:
    page.goto(page.url.split("#")[0] + f"#/jobs/{jobs['failed']}")
    expect(page.get_by_role("button", name="Try again: For every ear")).to_be_visible()


def unknown(page: Page, _: dict[str, str]) -> None:
    page.goto(page.url.split("#")[0] + f"#/jobs/job_{'0' * 26}")
    expect(page.get_by_role("heading", name="There is no such narration")).to_be_visible()


def voices(page: Page, _: dict[str, str]) -> None:
    page.goto(page.url.split("#")[0] + "#/voices")
    expect(page.get_by_text("The house voice", exact=True)).to_be_visible()


def recording(page: Page, _: dict[str, str]) -> None:
    voices(page, {})
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_role("meter", name="Loudness")).to_be_visible()


def voice_refused(page: Page, _: dict[str, str]) -> None:
    voices(page, {})
    page.get_by_role("button", name="Save the voice").click()
    expect(page.locator(".new-voice .fault")).to_be_visible()


def server_down(page: Page, _: dict[str, str]) -> None:
    expect(page.get_by_role("heading", name="Your bookshelf")).to_be_visible()
    page.route("**/v1/**", lambda route: route.abort())
    page.get_by_label("Search title or author").fill("anything")
    expect(page.get_by_text("The server does not answer. Trying again…")).to_be_visible()


def sign_in(page: Page, _: dict[str, str]) -> None:
    refusal = {"code": "unauthorized", "detail": "", "title": ""}
    page.route("**/v1/**", lambda route: route.fulfill(status=401, json=refusal))
    page.reload()
    page.get_by_label("Key").fill("wrong")
    page.get_by_role("dialog").get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("This key is not known here.")).to_be_visible()


def reference(page: Page, _: dict[str, str]) -> None:
    page.goto(page.url.split("#")[0] + "docs")
    page.locator("summary").first.click()
    expect(page.get_by_role("heading", name="Body, application/json")).to_be_visible()


STATES = [
    empty_bookshelf, bookshelf, undo, compose, preview, file_chosen, refused, listening, mending,
    failed, unknown, voices, recording, voice_refused, server_down, sign_in, reference,
]  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_every_state_is_accessible_at_every_width(
    open_page: Open,
    jobs: dict[str, str],
    state: Callable[[Page, dict[str, str]], None],
    scheme: str,
) -> None:
    page = open_page(color_scheme=scheme, reduced_motion="reduce", permissions=["microphone"])
    state(page, jobs)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(100)
        keep_shot(page, f"{state.__name__}-{width}-{scheme}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
        assert page.evaluate(SMALL) == [], width
    results = Axe().run(page, options=RULES)
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("place", ["", "#/new", "#/voices"])
def test_the_page_works_at_320_pixels_and_large_type(open_page: Open, place: str) -> None:
    page = open_page(place, viewport={"width": 320, "height": 640})
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_whole_way_by_keyboard(open_page: Open) -> None:
    page = open_page()
    expect(page.get_by_role("heading", name="Your bookshelf")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    reach(page, "New narration")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="New narration")).to_be_visible()
    reach(page, "Paste or write")
    page.keyboard.type("By keyboard alone\n\nNothing else was used.")
    reach(page, "Narrate")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="By keyboard alone")).to_be_visible()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    reach(page, "Play")
    page.keyboard.press("Enter")
    wait_until(page, "!document.querySelector('audio').paused")


def reach(page: Page, name: str) -> None:
    """Press Tab until the focus, which must be visible, is on what has this name."""
    for _ in range(60):
        page.keyboard.press("Tab")
        name_and_outline = page.evaluate(
            """() => {
                const e = document.activeElement;
                const name = e.getAttribute('aria-label') || e.textContent.trim();
                return [name || e.placeholder || '', getComputedStyle(e).outlineStyle];
            }"""
        )
        if name in name_and_outline[0]:
            assert name_and_outline[1] != "none", f"{name} has the focus, and nobody sees it"
            return
    pytest.fail(f"Tab never comes to {name}")


def keep_shot(page: Page, name: str) -> None:
    folder = shots_folder()
    if folder is not None:
        page.screenshot(path=folder / f"{name}.png")
