import pytest

from narration.documents.page import read_page
from narration.documents.paragraphs import Page
from narration.documents.stylesheet import read_styles
from narration.documents.types import BlockKind, SkipReason


def _blocks(markup: str) -> list[str]:
    """Return the text of each block, with # before headings and / before lines of verse."""
    page = read_page(markup, what="a page")
    marks = {BlockKind.HEADING: "#", BlockKind.LINE: "/", BlockKind.PARAGRAPH: ""}
    return [marks[block.kind] + block.text for block in page.blocks]


def _skips(page: Page) -> list[tuple[str, str]]:
    return [(page.text[skip.start : skip.end].strip(), skip.reason.value) for skip in page.skips]


@pytest.mark.parametrize(
    ("markup", "blocks"),
    [
        ("<p>Some <b>bold</b>ly\n  said <i>words</i>.</p>", ["Some boldly said words."]),
        ("<div>Loose <p>and</p> text</div>", ["Loose", "and", "text"]),
        ("<p>Tea &amp; cake&#8212;now&nbsp;&hellip;</p>", ["Tea & cake—now …"]),
        ("<p>Left <b>open.<p>Next.</p>", ["Left open.", "Next."]),
        ("<p>A</i> stray end.</p>", ["A stray end."]),
        ("<script>var x = 1;</script><p>Seen.</p>", ["Seen."]),
        ("Text alone", ["Text alone"]),
        ("<ul><li>tea</li><li>cake</li></ul>", ["tea", "cake"]),
        ("<p>One<![if !IE]> and <![endif]>two.</p>", ["One and two."]),
        ("<p><ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>字</p>", ["漢字"]),
    ],
)
def test_a_page_is_read_as_it_is_seen(markup: str, blocks: list[str]) -> None:
    assert _blocks(markup) == blocks


@pytest.mark.parametrize(
    ("markup", "blocks"),
    [
        (
            "<table><tr><td>Anna</td><td>Are you there, Ben?</td></tr></table>",
            ["Anna. Are you there, Ben?"],
        ),
        (
            "<table><tr><td><p>BEN.</p></td><td><p>I am.</p><p>Still.</p></td></tr></table>",
            ["BEN. I am.", "Still."],
        ),
        (
            f"<table><tr><td>{'long ' * 20}</td><td>b</td></tr></table>",
            [("long " * 20).strip(), "b"],
        ),
        ("<table><tr><td>Ad 1780</td><td>War</td></tr></table>", ["Ad 1780. War"]),
    ],
)
def test_a_table_is_read_row_by_row(markup: str, blocks: list[str]) -> None:
    assert _blocks(markup) == blocks


def test_a_grid_of_numbers_is_skipped_with_its_reason() -> None:
    rows = "".join(
        f"<tr><td>Year {n}</td><td>{n}.5 %</td><td>$ {n},000</td></tr>" for n in range(4)
    )
    page = read_page(f"<p>Before.</p><table>{rows}</table>", what="a page")
    assert [block.text for block in page.blocks] == ["Before."]
    assert {skip.reason for skip in page.skips} == {SkipReason.NUMBER_TABLE}


@pytest.mark.parametrize(
    ("markup", "blocks"),
    [
        ("<p>Roses are red<br/>Violets are blue</p>", ["/Roses are red", "Violets are blue"]),
        ("<p>one<br>two<br><br>three<br>four</p>", ["/one", "two", "/three", "four"]),
        (
            "<pre>The sea was calm,\n  the moon was high.</pre>",
            ["/The sea was calm,", "the moon was high."],
        ),
        (
            (
                '<div class="poem"><div class="stanza"><div class="line">a</div><div>b</div></div>'
                '<div class="stanza"><div>c</div></div></div>'
            ),
            ["/a", "b", "c"],
        ),
        ('<p class="line">a</p><p class="line">b</p><p>c</p>', ["/a", "b", "c"]),
    ],
)
def test_lines_of_verse_are_blocks_that_go_on(markup: str, blocks: list[str]) -> None:
    assert _blocks(markup) == blocks


def test_prose_that_was_only_wrapped_is_one_paragraph() -> None:
    lines = [
        "The rain had fallen all night upon the hills, and so",
        "when it stopped at last he could walk down to the harbour",
        "in the morning and buy the bread that he had wanted since",
        "the winter began.",
    ]
    assert _blocks(f"<p>{'<br/>'.join(lines)}</p>") == [" ".join(lines)]


def test_a_program_is_skipped_and_verse_is_not() -> None:
    page = read_page("<pre>x = f(1);\nreturn x;</pre><pre><code>go</code></pre>", what="a page")
    assert page.blocks == ()
    assert {skip.reason for skip in page.skips} == {SkipReason.CODE}


@pytest.mark.parametrize(
    ("markup", "blocks"),
    [
        ("<ol><li>Light it.</li><li><p>Close it.</p></li></ol>", ["1. Light it.", "2. Close it."]),
        ('<ol start="3"><li>c</li><li value="9">i</li></ol>', ["3. c", "9. i"]),
        ("<ol reversed><li>b</li><li>a</li></ol>", ["2. b", "1. a"]),
        ('<ol type="a"><li>tea</li></ol>', ["a. tea"]),
        ("<ol><li>1. Already there</li></ol>", ["1. Already there"]),
        ('<ol style="list-style-type: none"><li>bare</li></ol>', ["bare"]),
    ],
)
def test_an_ordered_list_says_its_numbers(markup: str, blocks: list[str]) -> None:
    assert _blocks(markup) == blocks


@pytest.mark.parametrize(
    ("markup", "blocks"),
    [
        ("<h1>CHAPTER I<br/>A LETTER</h1>", ["#CHAPTER I. A LETTER"]),
        ('<h2><img src="i.png" alt="Chapter Two"/></h2>', ["#Chapter Two"]),
        ('<p><img src="t.png" alt="T"/>he night was long.</p>', ["The night was long."]),
        ('<p class="chapter-title">One: The Lamp</p>', ["#One: The Lamp"]),
        ('<p epub:type="title">A Letter</p>', ["#A Letter"]),
        ('<div role="heading" aria-level="2">Two</div>', ["#Two"]),
    ],
)
def test_headings_are_known_however_they_are_set(markup: str, blocks: list[str]) -> None:
    assert _blocks(markup) == blocks


@pytest.mark.parametrize(
    ("markup", "skipped"),
    [
        ('<p>One<a epub:type="noteref" href="#n">1</a>.</p>', [("1", "note_mark")]),
        ('<p>One<sup><a href="#n">12</a></sup>.</p>', [("12", "note_mark")]),
        ('<p>One<a href="#n"><sup>12</sup></a>.</p>', [("12", "note_mark")]),
        ('<p>One <a href="#n">[12]</a>.</p>', [("[12]", "note_mark")]),
        ('<p>One<a href="#n">3</a> more.</p>', [("3", "note_mark")]),
        ("<p>One.<sup>1</sup> Two*<sup>*</sup></p>", [("1", "note_mark"), ("*", "note_mark")]),
        ('<p>One<span class="fnanchor">[a]</span></p>', [("[a]", "note_mark")]),
        ("<p>One.[12] And [3, 4] more.</p>", [("[12]", "note_mark"), ("[3, 4]", "note_mark")]),
        ('<p>One.</p><aside epub:type="footnote"><p>Note.</p></aside>', [("Note.", "note")]),
        ('<p>One.</p><section role="doc-endnotes"><p>A.</p></section>', [("A.", "note")]),
        ('<p>One.</p><div class="footnote">A.</div>', [("A.", "note")]),
        ('<p>One.</p><nav epub:type="toc"><a>Two</a></nav>', [("Two", "contents")]),
        ("<p>One.</p><nav><a>Two</a></nav>", [("Two", "navigation")]),
        ('<p>One.</p><section epub:type="imprint">Two</section>', [("Two", "copyright")]),
        ('<p>One.</p><section epub:type="index">Two</section>', [("Two", "index")]),
        ('<p>One.</p><div id="pg-header">Two</div>', [("Two", "boilerplate")]),
        ("<p>One.</p><p>* * *</p>", [("* * *", "ornament")]),
        ('<p>One<span epub:type="pagebreak">7</span>.</p>', [("7", "page_number")]),
        ('<p>One <span class="pagenum">[Pg 12]</span>two.</p>', [("[Pg 12]", "page_number")]),
        ("<p>One {12} and [Page 7] more.</p>", [("[Page 7]", "page_number")]),
        ('<p>One<span class="linenum">15</span></p>', [("15", "line_number")]),
        ("<p>One.</p><p hidden>Two.</p>", [("Two.", "hidden")]),
        ('<p>One.</p><p style="color:red; display: none">Two.</p>', [("Two.", "hidden")]),
        ('<p>One.<span aria-hidden="true">Two.</span></p>', [("Two.", "hidden")]),
        ("<p><ruby>a<rt>b</rt></ruby></p>", [("b", "ruby")]),
        ('<p>One.</p><p><img alt="A cat"/></p>', [("A cat", "image")]),
        ("<p>One.</p><button>Buy</button>", [("Buy", "navigation")]),
    ],
)
def test_what_is_not_read_aloud_has_its_reason(markup: str, skipped: list[tuple[str, str]]) -> None:
    assert _skips(read_page(markup, what="a page")) == skipped


@pytest.mark.parametrize(
    ("markup", "said"),
    [
        ("E = mc<sup>2</sup>", "E = mc²"),
        ("10<sup>6</sup> and 2<sup>10</sup>", "10⁶ and 2¹⁰"),
        ("12 km<sup>2</sup>, 3 s<sup>-1</sup>", "12 km², 3 s⁻¹"),
        ("(a + b)<sup>n</sup>", "(a + b)ⁿ"),
        ("It was 1850<sup>3</sup> then, and 2.1850<sup>3</sup>", "It was 1850 then, and 2.1850³"),
        ("the 4<sup>th</sup> M<sup>r</sup> H<sub>2</sub>O", "the 4th Mr H2O"),
    ],
)
def test_powers_are_read_and_are_no_notes(markup: str, said: str) -> None:
    assert _blocks(f"<p>{markup}</p>") == [said]


@pytest.mark.parametrize(
    "markup",
    [
        'See chapter <a href="#c3">3</a> for more.',
        'The word <a epub:type="noteref" href="#n">whale</a> is old.',
        "He said [softly] that it was late.",
        'It was <span class="page">torn</span>.',
    ],
)
def test_words_are_not_taken_for_marks(markup: str) -> None:
    assert read_page(f"<p>{markup}</p>", what="a page").skips == ()


def test_the_language_of_a_block_is_that_of_its_text() -> None:
    page = read_page(
        '<div lang="en"><p lang="fr">Oui.</p><p>Yes <i lang="fr">oui</i>.</p></div>', what="p"
    )
    assert [block.language for block in page.blocks] == ["fr", "en"]


def test_rules_of_a_style_sheet_hide_what_they_name() -> None:
    rules = read_styles(
        [".a.b, #c { display:none } ol.d { list-style: none } e f { display:none }"]
    )
    markup = (
        '<p class="a b">1</p><p class="a">two</p><p id="c">3</p>'
        '<ol class="d"><li>x</li></ol><f>y</f>'
    )
    page = read_page(markup, what="a page", rules=rules)
    assert [block.text for block in page.blocks] == ["two", "x", "y"]


def test_offsets_begin_where_the_page_will_stand() -> None:
    page = read_page('<p id="x">One.</p><p id="y">Two.</p>', what="a page", offset=100)
    assert [(block.start, block.end) for block in page.blocks] == [(100, 104), (106, 110)]
    assert page.anchors == {"x": 100, "y": 106}
