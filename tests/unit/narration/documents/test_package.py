import pytest

from narration.documents.read import read_document
from narration.documents.types import Cover, Identifier, Metadata, Series
from tests.epubs import make_epub


def _metadata(elements: str, **parts: str) -> Metadata:
    data = make_epub({"a": "<p>Words.</p>"}, metadata=elements, **parts)  # type: ignore[arg-type]
    return read_document(data, name="book.epub").metadata


def test_what_the_book_says_of_itself_is_kept() -> None:
    metadata = _metadata(
        "<dc:title>The Lamp Keeper</dc:title><dc:creator>Ada Quill</dc:creator>"
        "<dc:creator>Ben Moss</dc:creator><dc:language>en-GB</dc:language>"
        "<dc:date>2019-03-01</dc:date><dc:publisher>Hill Press</dc:publisher>"
        "<dc:description>&lt;p&gt;A &lt;i&gt;short&lt;/i&gt; tale.&lt;/p&gt;</dc:description>"
        '<dc:identifier opf:scheme="ISBN">978-1</dc:identifier>'
        "<dc:identifier>urn:uuid:1-2</dc:identifier>"
        "<dc:identifier>https://a.example/b</dc:identifier>"
    )
    assert metadata == Metadata(
        title="The Lamp Keeper",
        authors=("Ada Quill", "Ben Moss"),
        language="en-GB",
        date="2019-03-01",
        publisher="Hill Press",
        description="A short tale.",
        identifiers=(
            Identifier(scheme="isbn", value="978-1"),
            Identifier(scheme="uuid", value="1-2"),
            Identifier(scheme="uri", value="https://a.example/b"),
        ),
    )


def test_all_authors_are_named_and_nobody_else() -> None:
    metadata = _metadata(
        '<dc:creator id="a">A</dc:creator><dc:creator opf:role="ill">Artist</dc:creator>'
        '<dc:creator id="b">B. Second</dc:creator><dc:creator id="t">Translator</dc:creator>'
        '<meta refines="#b" property="role">aut</meta>'
        '<meta refines="#t" property="role">trl</meta>'
    )
    assert metadata.authors == ("A", "B. Second")


def test_the_main_title_wins() -> None:
    metadata = _metadata(
        '<dc:title id="s">A Tale</dc:title><dc:title id="m">The Lamp</dc:title>'
        '<meta refines="#m" property="title-type">main</meta>'
    )
    assert metadata.title == "The Lamp"


@pytest.mark.parametrize(
    "elements",
    [
        (
            '<meta name="calibre:series" content="Hill Tales"/>'
            '<meta name="calibre:series_index" content="2"/>'
        ),
        (
            '<meta id="x" property="belongs-to-collection">Great Books</meta>'
            '<meta id="c" property="belongs-to-collection">Hill Tales</meta>'
            '<meta refines="#c" property="collection-type">series</meta>'
            '<meta refines="#c" property="group-position">2</meta>'
        ),
    ],
)
def test_a_series_is_kept_with_its_place(elements: str) -> None:
    assert _metadata(elements).series == Series(name="Hill Tales", position="2")


@pytest.mark.parametrize(
    ("elements", "properties"),
    [("", 'properties="cover-image"'), ('<meta name="cover" content="cov"/>', "")],
)
def test_the_cover_is_kept_as_it_lies_in_the_file(elements: str, properties: str) -> None:
    data = make_epub(
        {"a": "<p>Words.</p>"},
        metadata=elements,
        items=f'<item id="cov" href="c.png" media-type="image/png" {properties}/>',
        files={"OEBPS/c.png": b"\x89PNG picture"},
    )
    cover = read_document(data, name="book.epub").metadata.cover
    assert cover == Cover(data=b"\x89PNG picture", media_type="image/png")


def test_a_cover_that_is_missing_does_no_harm() -> None:
    item = '<item id="c" href="c.png" media-type="image/png" properties="cover-image"/>'
    assert _metadata("", items=item).cover is None


_PAGE = (
    '<html xmlns="http://www.w3.org/1999/xhtml"><body><svg xmlns="http://www.w3.org/2000/svg" '
    'xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="i/front.png"/></svg>'
    "</body></html>"
)


@pytest.mark.parametrize(
    ("metadata", "items"),
    [
        (
            '<meta name="cover" content="p"/>',
            '<item id="p" href="p.xhtml" media-type="application/xhtml+xml"/>',
        ),
        ("", '<item id="cover-image" href="i/front.png" media-type="image/png"/>'),
    ],
)
def test_a_cover_is_found_on_its_page_or_by_its_name(metadata: str, items: str) -> None:
    data = make_epub(
        {"a": "<p>Words.</p>"},
        metadata=metadata,
        items=items,
        files={"OEBPS/p.xhtml": _PAGE.encode(), "OEBPS/i/front.png": b"\x89PNG picture"},
    )
    cover = read_document(data, name="book.epub").metadata.cover
    assert cover == Cover(data=b"\x89PNG picture", media_type="image/png")


def test_authors_stand_in_the_order_that_the_book_gives_them() -> None:
    metadata = _metadata(
        '<dc:creator id="a">Second</dc:creator><dc:creator id="b">First</dc:creator>'
        '<meta refines="#a" property="display-seq">2</meta>'
        '<meta refines="#b" property="display-seq">1</meta>'
    )
    assert metadata.authors == ("First", "Second")
