"""Listening to a job while it is spoken: on the page, and with hls.js."""

import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.builders import make_text
from tests.cluster import wait_for
from tests.page_browser import ServedPage, Visit, served_page, wait_until

AUDIO = "(document.querySelector('audio') ?? {})"
POSITION = f"{AUDIO}.currentTime"
CURRENT = "[...document.querySelectorAll('.sentence[aria-current]')].map(s => s.textContent).join()"
HLS = "hls.js@1.7.4"
END_S = 150.0
CHUNK_S = 2.0  # to speak one, four at a time: a job takes a quarter of a minute

Begin = Callable[..., Visit]
Submit = Callable[..., str]


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedPage]:
    """Return a server that speaks no faster than a small machine."""
    folder = tmp_path_factory.mktemp("slow") / "data"
    with served_page(folder, "--chunk-s", str(CHUNK_S)) as served:
        yield served


@pytest.fixture(scope="module")
def hls_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fetch the player from the package registry; it is never kept here."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm here: install the package npm")
    folder = tmp_path_factory.mktemp("hls")
    fetched = subprocess.run([npm, "pack", HLS], cwd=folder, capture_output=True, check=False)
    if fetched.returncode:
        pytest.skip(f"{HLS} cannot be had: {fetched.stderr.decode()[-300:]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package" / "dist" / "hls.min.js"


@pytest.fixture
def begin(slow: ServedPage) -> Iterator[Callable[..., str]]:
    """Start jobs, and cancel them at the end."""
    begun: list[str] = []

    def submit(name: str, **settings: object) -> str:
        begun.append(slow.submit(make_text(24, name=name), **settings))
        return begun[-1]

    yield submit
    for job_id in begun:
        httpx.post(f"{slow.api}/jobs/{job_id}/cancel")


def delivered_s(served: ServedPage, job_id: str) -> float:
    items = httpx.get(f"{served.api}/jobs/{job_id}/artifacts").json()["items"]
    return float(next(item["duration_s"] for item in items if item["name"].startswith("audio")))


def test_one_listens_from_the_first_seconds_to_the_end_without_a_jump(
    visit: Begin, slow: ServedPage, begin: Submit
) -> None:
    job_id = begin("live", outputs=["mp3"], title="Live")
    page = visit(slow.url).open(f"#/jobs/{job_id}")
    page.get_by_role("button", name="Play", exact=True).click()
    wait_until(page, f"{POSITION} > 1")
    assert slow.state(job_id) == "rendering"
    expect(page.locator(".player")).to_contain_text("spoken so far")
    assert page.evaluate(CURRENT) != ""
    page.evaluate(f"{AUDIO}.tag = 'the same'")
    page.evaluate(
        """() => {
            const audio = document.querySelector("audio");
            window.jumps = [];
            let last = audio.currentTime;
            audio.addEventListener("timeupdate", () => {
                const moved = audio.currentTime - last;
                if (moved < 0 || moved > 1.5) window.jumps.push([last, audio.currentTime]);
                last = audio.currentTime;
            });
        }"""
    )
    wait_for(lambda: slow.state(job_id) == "succeeded", END_S, "the end of the job")
    expect(page.get_by_role("link", name="MP3")).to_be_visible()
    assert page.evaluate(f"{AUDIO}.tag") == "the same"
    assert page.evaluate(f"{AUDIO}.paused") is False
    assert page.evaluate("window.jumps") == []
    expect(page.locator(".player")).not_to_contain_text("spoken so far")
    whole = delivered_s(slow, job_id)
    page.evaluate(f"{POSITION} = {whole - 1.5}")
    wait_until(page, f"{AUDIO}.paused")
    assert page.evaluate(f"{AUDIO}.duration") == pytest.approx(whole, abs=0.1)


def test_who_catches_up_with_the_voice_waits_and_goes_on(
    visit: Begin, slow: ServedPage, begin: Submit
) -> None:
    job_id = begin("catching up", outputs=["opus"])
    page = visit(slow.url).open(f"#/jobs/{job_id}?play")
    wait_until(page, f"{POSITION} > 0.2")
    page.evaluate(f"{POSITION} = {AUDIO}.duration - 0.3")
    here = page.evaluate(POSITION)
    wait_until(page, f"{POSITION} > {here + 3}")
    assert page.evaluate(f"{AUDIO}.paused") is False


def test_a_reload_goes_on_where_one_stopped(
    visit: Callable[..., Visit], slow: ServedPage, begin: Submit
) -> None:
    job_id = begin("a reload", outputs=["m4b"])
    page = visit(slow.url).open(f"#/jobs/{job_id}?play")
    wait_until(page, f"{POSITION} > 2")
    page.reload()
    page.goto(f"{slow.url}#/jobs/{job_id}")
    wait_until(page, f"{POSITION} >= 2")
    assert slow.state(job_id) == "rendering"


def test_a_sentence_that_was_just_spoken_is_heard_at_a_click(
    visit: Begin, slow: ServedPage, begin: Submit
) -> None:
    job_id = begin("a click", outputs=["m4b"])
    page = visit(slow.url).open(f"#/jobs/{job_id}")
    sentence = page.get_by_role("button", name="Sentence 2 of a click").first
    sentence.click()
    wait_until(page, f"({CURRENT}).includes('Sentence 2 of a click')")
    assert slow.state(job_id) == "rendering"


def test_the_card_on_the_bookshelf_leads_to_the_sound(
    visit: Begin, slow: ServedPage, begin: Submit
) -> None:
    begin("from the card", outputs=["wav"], title="From the card")
    page = visit(slow.url).open("#/?q=card")
    page.get_by_role("link", name="Play From the card").click()
    wait_until(page, f"{POSITION} > 0.5")


def begin_hls(page: Page, script: Path, url: str) -> None:
    page.add_script_tag(path=script)
    page.evaluate(
        """(url) => {
            const audio = document.createElement("audio");
            audio.muted = true;
            document.body.replaceChildren(audio);
            window.faults = [];
            window.hls = new Hls({ enableWorker: false });
            window.hls.on(Hls.Events.ERROR, (_, { details, fatal }) => {
                if (fatal) window.faults.push(details);
            });
            window.hls.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => {
                window.level = details;
            });
            window.hls.loadSource(url);
            window.hls.attachMedia(audio);
            audio.play();
        }""",
        url,
    )


def test_hls_js_plays_a_job_that_is_still_spoken(
    visit: Begin, slow: ServedPage, begin: Submit, hls_script: Path
) -> None:
    job_id = begin("hls", outputs=["mp3"])
    url = f"{slow.api}/jobs/{job_id}/listen.m3u8"
    visited = visit(slow.url, bypass_csp=True)
    page = visited.open("docs")
    wait_until(page, f"fetch('{url}').then((answer) => answer.ok)")
    begin_hls(page, hls_script, url)
    wait_until(page, f"{POSITION} > 2")
    assert page.evaluate(POSITION) < 20  # from the start, not from the live edge
    assert slow.state(job_id) == "rendering"
    assert page.evaluate("window.level.live") is True
    wait_for(lambda: page.evaluate("window.level.live === false"), END_S, "the end of the playlist")
    whole = delivered_s(slow, job_id)
    page.evaluate(f"{POSITION} = {whole - 2}")
    wait_until(page, f"{AUDIO}.ended")
    assert page.evaluate(f"{AUDIO}.duration") == pytest.approx(whole, abs=0.1)
    assert page.evaluate("window.faults") == []
