"""A finished job: text that follows the sound, resuming, keyboard control, checking by ear."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.page_browser import ServedPage, wait_until

Open = Callable[..., Page]
POSITION = "document.querySelector('audio').currentTime"
CURRENT = "[...document.querySelectorAll('.sentence[aria-current]')].map(s => s.textContent).join()"
STORY = (
    "# The Garden\n\n"
    + "\n\n".join(
        f"Morning number {number} was bright. The gate stood open, and nobody went in."
        for number in range(12)
    )
    + "\n\n# The House\n\nThe rain came down in sheets. This is a hopeless afternoon."
    + " They sat by the fire."
)


@pytest.fixture(scope="package")
def story(served: ServedPage) -> str:
    return served.finish(STORY, format="markdown", outputs=["mp3", "vtt"], title="Garden and House")


def ready(open_page: Open, story: str) -> Page:
    page = open_page(f"#/jobs/{story}")
    expect(page.get_by_role("heading", name="1 place to check by ear")).to_be_visible()
    wait_until(page, "document.querySelector('audio').readyState >= 1")
    return page


def test_the_text_follows_the_sound_as_the_captions_do(open_page: Open, story: str) -> None:
    page = ready(open_page, story)
    cues = page.evaluate(
        """async (id) => {
            const text = await (await fetch(`v1/jobs/${id}/artifacts/captions.vtt`)).text();
            const blocks = text.trim().split("\\n\\n").filter((block) => block.includes("-->"));
            return blocks.map((block) => {
                const [times, ...lines] = block.split("\\n");
                const [h, m, s] = times.split(" ")[0].split(":").map(Number);
                return [h * 3600 + m * 60 + s, lines.join(" ")];
            });
        }""",
        story,
    )
    assert len(cues) == 29
    for start, text in cues[::5]:
        page.evaluate(f"document.querySelector('audio').currentTime = {start + 0.05}")
        wait_until(page, f"({CURRENT}).includes({text!r})")


def test_a_click_on_a_sentence_plays_it(open_page: Open, story: str) -> None:
    page = ready(open_page, story)
    page.get_by_role("button", name="Morning number 5 was bright.").click()
    wait_until(page, f"!document.querySelector('audio').paused && {POSITION} > 10")
    assert "Morning number 5" in page.evaluate(CURRENT)


def test_sentences_are_chosen_by_keyboard(open_page: Open, story: str) -> None:
    page = ready(open_page, story)
    page.get_by_role("button", name="The Garden", exact=True).last.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    focused = page.evaluate("document.activeElement.textContent")
    assert focused == "Morning number 1 was bright."
    page.keyboard.press("Enter")
    wait_until(page, f"({CURRENT}).includes('Morning number 1 ')")


def test_it_goes_on_where_one_stopped(open_page: Open, story: str) -> None:
    page = ready(open_page, story)
    page.get_by_role("button", name="Morning number 8 was bright.").click()
    wait_until(page, f"{POSITION} > 20")
    page.get_by_role("button", name="Pause").click()
    place, sentence = page.evaluate(POSITION), page.evaluate(CURRENT)
    page.reload()
    wait_until(page, "document.querySelector('audio')?.readyState >= 1")
    assert page.evaluate(POSITION) == pytest.approx(place, abs=0.5)
    wait_until(page, f"({CURRENT}) === {sentence!r}")


def test_keys_steer_the_player(open_page: Open, story: str) -> None:
    page = ready(open_page, story)
    page.locator("#main").focus()
    page.keyboard.press("ArrowRight")
    wait_until(page, f"{POSITION} >= 29")
    page.keyboard.press("ArrowLeft")
    wait_until(page, f"{POSITION} < 16")
    page.keyboard.press("Shift+ArrowRight")
    wait_until(page, f"({CURRENT}) === 'The House'")
    page.keyboard.press("Space")
    wait_until(page, "!document.querySelector('audio').paused")
    page.keyboard.press("Space")
    wait_until(page, "document.querySelector('audio').paused")


def test_chapters_and_speed(open_page: Open, story: str) -> None:
    page = ready(open_page, story)
    chapters = page.locator(".chapters button")
    expect(chapters).to_have_count(2)
    chapters.nth(1).click()
    wait_until(page, f"({CURRENT}) === 'The House'")
    page.get_by_label("Speed").select_option("1.5")
    assert page.evaluate("document.querySelector('audio').playbackRate") == 1.5
    page.reload()
    wait_until(page, "document.querySelector('audio')?.playbackRate === 1.5")


def test_what_did_not_pass_its_checks_is_told_in_words(open_page: Open, story: str) -> None:
    page = ready(open_page, story)
    expect(page.locator(".checks")).to_contain_text("nothing can be heard")
    page.get_by_role("button", name="Listen at").click()
    wait_until(page, f"({CURRENT}).includes('The rain came down')")
    flagged = page.locator(".sentence.flagged")
    expect(flagged.first).to_contain_text("to check: nothing can be heard")


def test_play_on_the_shelf_leads_to_sound(open_page: Open, story: str) -> None:
    page = open_page("#/?q=Garden")
    page.get_by_role("link", name="Play Garden and House").click()
    wait_until(page, "document.querySelector('audio')?.paused === false")
    wait_until(page, f"{POSITION} > 0.2")


def test_many_files_fit_a_narrow_window(open_page: Open, served: ServedPage) -> None:
    outputs = ["m4b", "mp3", "opus", "flac", "wav", "vtt"]
    job_id = served.finish("It rained.", title="Files", outputs=outputs)
    page = open_page(f"#/jobs/{job_id}", viewport={"width": 320, "height": 700})
    expect(page.locator(".files a")).to_have_count(len(outputs))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
