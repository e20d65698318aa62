"""From a text or a file to audio that plays and can be downloaded, in a real browser."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.document_files import make_docx, make_pdf, paragraph
from tests.epubs import make_epub
from tests.page_browser import ServedPage, wait_until

Open = Callable[..., Page]
PROSE = "It was a bright cold day in April. The clocks were striking thirteen."
PASTED = {
    "text": (f"A plain evening\n\n{PROSE}", "Plain text"),
    "markdown": (f"# The *Selfish* Giant\n\n{PROSE} He said **nothing**.", "Markdown"),
    "html": (f"<article><h1>A page</h1><p>{PROSE}</p></article>", "Web page"),
    "ssml": (f'<speak version="1.1"><p>{PROSE}</p></speak>', "SSML"),
}
FB2 = (
    '<?xml version="1.0" encoding="utf-8"?><FictionBook xmlns="http://www.gribuser.ru/xml/fictionbook/2.0">'
    "<description><title-info><book-title>A tale</book-title></title-info></description>"
    f"<body><section><title><p>One</p></title><p>{PROSE}</p></section></body></FictionBook>"
)
PASTED["fb2"] = (FB2, "FictionBook")
FILES: dict[str, Callable[[], bytes]] = {
    "plain.txt": PROSE.encode,
    "tale.md": f"# One\n\n{PROSE}".encode,
    "page.html": f"<html><body><h1>One</h1><p>{PROSE}</p></body></html>".encode,
    "spoken.ssml": PASTED["ssml"][0].encode,
    "tale.fb2": FB2.encode,
    "tale.epub": lambda: make_epub({"one": f"<h1>One</h1><p>{PROSE}</p>"}),
    "letter.docx": lambda: make_docx(paragraph(PROSE)),
    "paper.pdf": lambda: make_pdf([[(72, 700, 12, PROSE)]]),
}


@pytest.mark.parametrize("kind", list(PASTED))
def test_a_pasted_text_is_recognised_and_narrated(open_page: Open, kind: str) -> None:
    text, name = PASTED[kind]
    page = open_page("#/new")
    page.get_by_label("Text to be read").fill(text)
    kinds = page.get_by_label("Kind of text")
    assert kinds.locator("option:checked").inner_text() == name
    page.get_by_role("button", name="Narrate").click()
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    spoken = page.locator("section.text")
    expect(spoken).to_contain_text("The clocks were striking thirteen.")
    assert not re.search(r"[#*<>]", spoken.inner_text())


@pytest.mark.parametrize("name", list(FILES))
def test_a_file_of_every_kind_is_narrated(open_page: Open, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name]())
    page = open_page("#/new")
    page.locator("input[type=file]").set_input_files(path)
    expect(page.get_by_text(name)).to_be_visible()
    page.get_by_role("button", name="Narrate").click()
    expect(page.locator("section.text")).to_contain_text("The clocks were striking thirteen.")


@pytest.mark.parametrize("name", ["tale.epub", "letter.docx", "paper.pdf"])
def test_a_file_is_pasted_as_well_as_picked(open_page: Open, name: str) -> None:
    page = open_page("#/new")
    page.get_by_label("Text to be read").evaluate(
        """(area, [name, bytes]) => {
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([new Uint8Array(bytes)], name));
            area.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }""",
        [name, list(FILES[name]())],
    )
    expect(page.get_by_text(name)).to_be_visible()
    page.get_by_role("button", name="Narrate").click()
    expect(page.locator("section.text")).to_contain_text("The clocks were striking thirteen.")


def test_what_was_made_plays_and_downloads(
    open_page: Open, served: ServedPage, tmp_path: Path
) -> None:
    page = open_page("#/new")
    page.get_by_label("Text to be read").fill(f"# To be kept\n\n{PROSE * 8}")
    page.get_by_label("MP3").check()
    page.get_by_label("Audiobook (M4B)").uncheck()
    page.get_by_role("button", name="Narrate").click()
    page.get_by_role("button", name="Play", exact=True).click()
    wait_until(page, "document.querySelector('audio').currentTime > 0.3")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("MP3")).click()
    download.value.save_as(tmp_path / "kept.mp3")
    assert (tmp_path / "kept.mp3").stat().st_size > 1000
    [job] = [job for job in served.jobs() if job["title"] == "To be kept"]
    assert job["settings"]["outputs"] == ["mp3"]


def test_a_double_click_makes_one_job(open_page: Open, served: ServedPage) -> None:
    page = open_page("#/new")
    page.get_by_label("Text to be read").fill(f"Clicked twice\n\n{PROSE}")
    page.get_by_role("button", name="Narrate").dblclick()
    expect(page.get_by_role("heading", name="Clicked twice")).to_be_visible()
    assert [job["title"] for job in served.jobs()].count("Clicked twice") == 1


def test_a_lost_answer_and_another_press_make_one_job(open_page: Open, served: ServedPage) -> None:
    page = open_page("#/new")

    def lose(route: object) -> None:
        route.fetch()  # type: ignore[attr-defined]  # it arrives, and its answer does not
        route.abort()  # type: ignore[attr-defined]

    page.route("**/v1/jobs", lose, times=1)
    page.get_by_label("Text to be read").fill(f"Sent twice\n\n{PROSE}")
    button = page.get_by_role("button", name="Narrate")
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    button.click()
    expect(page.get_by_role("heading", name="Sent twice")).to_be_visible()
    assert [job["title"] for job in served.jobs()].count("Sent twice") == 1


def test_a_file_takes_the_place_of_the_text_and_can_be_removed(
    open_page: Open, tmp_path: Path
) -> None:
    path = tmp_path / "tale.md"
    path.write_text("# One")
    page = open_page("#/new")
    page.get_by_label("Text to be read").fill("A text that was there before.")
    page.locator("input[type=file]").set_input_files(path)
    expect(page.get_by_label("Text to be read")).to_have_count(0)
    page.get_by_role("button", name="Remove tale.md").click()
    expect(page.get_by_label("Text to be read")).to_have_value("A text that was there before.")


def test_a_file_dropped_on_the_shelf_begins_a_narration(open_page: Open) -> None:
    page = open_page()
    expect(page.get_by_role("heading", name="Your bookshelf")).to_be_visible()
    page.evaluate(
        """() => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File(["# One"], "dropped.epub"));
            dataTransfer.items.add(new File(["# Two"], "other.epub"));
            window.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
        }"""
    )
    expect(page.locator(".chosen")).to_contain_text("dropped.epub")
    expect(page.locator(".notice")).to_contain_text("Only “dropped.epub” was taken")


def test_nothing_to_read_is_said_and_costs_nothing(open_page: Open) -> None:
    page = open_page("#/new")
    page.get_by_role("button", name="Narrate").click()
    expect(page.get_by_role("alert")).to_contain_text("Paste a text or choose a file first.")
    expect(page.get_by_label("Text to be read")).to_be_focused()


@pytest.mark.parametrize("name", ["table.xlsx", "broken.epub", "silent.txt"])
def test_what_cannot_be_read_is_explained_in_words(
    open_page: Open, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"  \n " if name == "silent.txt" else b"PK\x03\x04 no")
    page = open_page("#/new")
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Narrate").click()
    told = page.get_by_role("alert")
    expect(told).to_be_visible()
    assert not re.search(
        r"Authorization|Bearer|application/|media type|\b4\d\d\b|_", told.inner_text()
    )


def test_the_choices_of_the_form_reach_the_job(open_page: Open, served: ServedPage) -> None:
    page = open_page("#/new")
    page.get_by_label("Text to be read").fill(PROSE)
    page.get_by_label(re.compile("^Expression")).fill("1")
    page.get_by_label("Long").check()
    page.get_by_label("Captions (VTT)").check()
    page.get_by_text("Title, author and more").click()
    page.get_by_label("Title", exact=True).fill("As chosen")
    page.get_by_label("Author").fill("Somebody")
    page.get_by_label("Reading", exact=True).fill("7")
    page.get_by_role("button", name="Narrate").click()
    expect(page.get_by_role("heading", name="As chosen")).to_be_visible()
    job = httpx.get(f"{served.api}/jobs?search=as chosen").json()["items"][0]
    assert job["author"] == "Somebody"
    assert job["settings"]["delivery"]["exaggeration"] == 1
    assert job["settings"]["pauses"]["chapter_ms"] == 2880
    assert job["settings"]["seed"] == 7
    assert job["settings"]["outputs"] == ["m4b", "vtt"]


def test_a_text_in_another_language_is_read_only_if_one_insists(open_page: Open) -> None:
    page = open_page("#/new")
    page.get_by_label("Text to be read").fill(
        "Es war einmal ein König, der hatte drei Söhne. Die Söhne zogen in die weite Welt hinaus, "
        "und keiner von ihnen wusste, wohin der Weg sie führen würde. So begann die Geschichte."
    )
    page.get_by_role("button", name="Narrate").click()
    expect(page.get_by_role("alert")).to_contain_text("does not seem to be English")
    page.get_by_role("button", name="Read it all the same").click()
    expect(page.locator("section.text")).to_contain_text("So begann die Geschichte.")


def test_what_is_left_out_is_told(open_page: Open, served: ServedPage) -> None:
    code = "```\nfirst = second + third\nfourth = fifth\n```"
    text = "\n\n".join([PROSE] * 20)  # long enough that the skipped text causes no warning
    job_id = served.finish(f"# One\n\n{PROSE}\n\n{code}\n\n{text}", format="markdown")
    page = open_page(f"#/jobs/{job_id}")
    page.get_by_text("What is not read aloud").click()
    expect(page.get_by_text("Left out: program code.")).to_be_visible()
