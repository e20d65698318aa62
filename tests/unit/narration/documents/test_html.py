from narration.documents.read import read_document
from narration.documents.types import Document, SkipReason

_TEXT = "The keeper of the light went up the stairs every evening before the sun had gone down. "
_ARTICLE = f"<h1>The Light</h1><p>{_TEXT * 3}</p><p>{_TEXT * 3}</p>"
_MENU = "<ul><li><a href='/'>Home</a></li><li><a href='/news'>News of the day</a></li></ul>"


def _read(body: str, head: str = "") -> Document:
    page = f"<!DOCTYPE html><html lang='en-GB'><head>{head}</head><body>{body}</body></html>"
    return read_document(page.encode(), name="page.html")


def _spoken(document: Document) -> str:
    return " ".join(
        "".join(document.source[run.start : run.end] for run in block.runs)
        for chapter in document.chapters
        for block in chapter.blocks
    )


def _is_article(document: Document) -> bool:
    return " ".join(_spoken(document).split()) == " ".join(f"The Light {_TEXT * 6}".split())


def test_the_article_of_a_page_is_read_without_its_menus() -> None:
    document = _read(
        f"<header>{_MENU}</header><main><article>{_ARTICLE}</article></main>"
        f"<aside>{_TEXT}</aside><footer>All rights reserved.</footer>"
    )
    assert _is_article(document)
    assert SkipReason.NAVIGATION in {skip.reason for skip in document.skips}


def test_the_article_is_found_by_its_text_where_nothing_names_it() -> None:
    assert _is_article(
        _read(
            f"<div id='top'>{_MENU}</div><div><div class='x'>{_ARTICLE}</div></div>"
            f"<div class='related-stories'><p>{_TEXT}</p></div><div>{_MENU}</div>"
        )
    )


def test_comments_and_share_buttons_in_an_article_are_not_read() -> None:
    assert _is_article(
        _read(
            f"<article>{_ARTICLE}<div class='share'><a href='#'>Tweet this to all your friends</a>"
            f"</div><section id='comments'><p>{_TEXT}</p></section></article>"
        )
    )


def test_a_sidebar_that_holds_the_text_is_no_sidebar() -> None:
    assert _is_article(_read(f"<div class='sidebar'>{_ARTICLE}</div>"))


def test_a_short_page_is_read_whole() -> None:
    assert _spoken(_read("<h1>Hi</h1><p>There.</p>")) == "Hi There."


def test_a_form_that_holds_the_text_is_read() -> None:
    assert _is_article(_read(f"<form action='/'>{_ARTICLE}</form>"))


def test_text_that_a_script_shows_is_read() -> None:
    document = _read(f"<div class='late'>{_ARTICLE}</div>", "<style>.late{display:none}</style>")
    assert _is_article(document)


def test_the_head_of_a_page_names_its_work() -> None:
    metadata = _read(
        _ARTICLE,
        "<title>The Light - The Daily Gull</title><meta name='author' content='Ann Lee'>"
        "<meta property='og:site_name' content='The Daily Gull'>"
        "<meta property='article:published_time' content='2020-01-02'>"
        "<meta name='description' content='Of a keeper.'>",
    ).metadata
    assert (metadata.title, metadata.authors) == ("The Light", ("Ann Lee",))
    assert (metadata.language, metadata.publisher) == ("en-GB", "The Daily Gull")
    assert (metadata.date, metadata.description) == ("2020-01-02", "Of a keeper.")


def test_a_page_named_as_text_is_read_as_a_page() -> None:
    document = read_document(
        b"<!DOCTYPE html><html><body><h1>Hi</h1><p>There.</p></body></html>", name="a.txt"
    )
    assert (document.media_type, _spoken(document)) == ("text/html", "Hi There.")


def test_the_heading_above_the_text_of_a_main_element_is_read_alone() -> None:
    document = _read(
        "<main><header><h1>The Light</h1><div>12 languages</div></header><div><p>"
        f"{_TEXT * 3}</p><h2>The Keeper</h2><p>{_TEXT * 3}</p></div></main>"
    )
    assert _spoken(document).startswith("The Light ")
    assert "The Keeper" in _spoken(document)
    assert "languages" not in _spoken(document)


def test_the_name_of_a_site_above_an_article_is_not_read() -> None:
    body = f"<div><h1>The Gull</h1></div><article><h2>The Light</h2><p>{_TEXT * 6}</p></article>"
    assert "Gull" not in _spoken(_read(body))


def test_what_a_heading_offers_to_editors_is_not_read() -> None:
    edit = (
        '<span class="mw-editsection"><span class="mw-editsection-bracket">[</span>'
        '<a href="/edit">edit</a><span class="mw-editsection-bracket">]</span></span>'
    )
    for markup in (edit, '<a class="headerlink" href="#x">link</a>'):
        document = _read(
            f"<main><h1>The Light</h1><h2>The Keeper{markup}</h2><p>{_TEXT * 6}</p></main>"
        )
        assert _spoken(document).split()[:5] == ["The", "Light", "The", "Keeper", "The"]
        assert [chapter.title for chapter in document.chapters] == ["The Light. The Keeper"]


def test_contents_go_with_their_menu_and_a_title_set_twice_begins_no_chapter() -> None:
    links = "".join(f'<a href="#{n}">{n}</a><br/>' for n in ("One", "Two", "Three"))
    chapters = "".join(f'<h2 id="{n}">{n}</h2><p>{_TEXT * 3}</p>' for n in ("One", "Two", "Three"))
    document = _read(
        f"<h1>Light</h1><h2>Contents</h2><table><tr><td><div class='toc'>{links}</div></td></tr>"
        f"</table><h1>Light</h1>{chapters}"
    )
    assert [chapter.title for chapter in document.chapters] == ["One", "Two", "Three"]
    assert "Contents" not in _spoken(document)
