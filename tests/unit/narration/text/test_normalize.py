"""A table of written and spoken forms. Each bug adds its line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from narration.text.normalize import normalize, normalize_heading

SAYINGS = [
    # characters
    ("“Well,” he said.", '"Well," he said.'),
    ("‘Tis true; it’s late.", "'Tis true; it's late."),
    ("The ﬁrst eﬀort.", "The first effort."),
    ("Wait… what?", "Wait... what?"),
    ("Wait . . . what?", "Wait... what?"),
    ("He stopped—then ran.", "He stopped, then ran."),
    ("He stopped -- then ran.", "He stopped, then ran."),
    ("He stopped – then ran.", "He stopped, then ran."),
    ("“But I—”", '"But I."'),
    ("Well,—no.", "Well, no."),
    ("—Hello, she said.", "Hello, she said."),
    ("No!!! Really?!", "No! Really?"),
    ("A\u00a0non-breaking\u2009space.", "A non-breaking space."),
    ("zero\u200bwidth and soft\u00adhyphen", "zerowidth and softhyphen"),
    ("I love it 😀!", "I love it!"),
    ("cafe\u0301", "café"),
    ("*very* _good_", "very good"),
    ("the London–Paris train", "the London-Paris train"),
    ("ＦＵＬＬ width", "FULL width"),
    ("see [page two]", "see (page two)"),
    ("tabs\tand\nlines", "tabs and lines"),
    ("Acme™ and Bolt®", "Acme and Bolt"),
    # numbers
    ("7 men", "seven men"),
    ("0 degrees", "zero degrees"),
    ("42", "forty-two"),
    ("100 men", "one hundred men"),
    ("101 dogs", "one hundred one dogs"),
    ("1,234", "one thousand two hundred thirty-four"),
    ("1,000,000 stars", "one million stars"),
    ("3.14", "three point one four"),
    (".5", "zero point five"),
    ("0.05", "zero point zero five"),
    ("1,234.5", "one thousand two hundred thirty-four point five"),
    ("-5", "minus five"),
    ("It was −3 outside.", "It was minus three outside."),
    ("Agent 007", "Agent zero zero seven"),
    ("1" * 16, " ".join(["one"] * 16)),
    ("pages 10-15", "pages ten to fifteen"),
    ("10–15 men", "ten to fifteen men"),
    ("1/2", "one half"),
    ("2/3 of it", "two thirds of it"),
    ("3/4", "three quarters"),
    ("1 1/2 miles", "one and a half miles"),
    ("2¾ cups", "two and three quarters cups"),
    ("½ a loaf", "one half a loaf"),
    ("22/7", "twenty-two sevenths"),
    ("1st", "first"),
    ("2nd, 3rd and 4th", "second, third and fourth"),
    ("the 21st century", "the twenty-first century"),
    ("the 112th time", "the one hundred twelfth time"),
    ("MP3 and H2O", "MP three and H two O"),
    ("COVID-19", "COVID-nineteen"),
    ("version 1.2.3", "version one point two point three"),
    ("v2.0.1", "v two point zero point one"),
    ("Call 555-1234.", "Call five five five, one two three four."),
    ("555-123-4567", "five five five, one two three, four five six seven"),
    ("It ended 3:1.", "It ended three one."),
    ("5 × 4", "five by four"),
    ("2 + 2 = 4", "two plus two equals four"),
    ("8 ÷ 2", "eight divided by two"),
    ("9 - 4", "nine minus four"),
    ("#5", "number five"),
    ("~50 people", "about fifty people"),
    ("٣ cats", "three cats"),
    # money
    ("$5", "five dollars"),
    ("$1", "one dollar"),
    ("$5.50", "five dollars and fifty cents"),
    ("$0.99", "ninety-nine cents"),
    ("$1.01", "one dollar and one cent"),
    ("$1,234.56", "one thousand two hundred thirty-four dollars and fifty-six cents"),
    ("$3 million", "three million dollars"),
    ("$1.5 billion", "one point five billion dollars"),
    ("$20k", "twenty thousand dollars"),
    ("US$40", "forty dollars"),
    ("£3", "three pounds"),
    ("£3.01", "three pounds and one penny"),
    ("£2.50", "two pounds and fifty pence"),
    ("€10", "ten euros"),
    ("10 €", "ten euros"),
    ("¥500", "five hundred yen"),
    ("5 USD", "five dollars"),
    ("75¢", "seventy-five cents"),
    # measures
    ("5 km", "five kilometers"),
    ("1 km", "one kilometer"),
    ("5km", "five kilometers"),
    ("a 5-km run", "a five kilometer run"),
    ("60 mph", "sixty miles per hour"),
    ("100 km/h", "one hundred kilometers per hour"),
    ("98.6°F", "ninety-eight point six degrees Fahrenheit"),
    ("-5°C", "minus five degrees Celsius"),
    ("a 90° turn", "a ninety degree turn"),
    ("3 lbs. of tea", "three pounds of tea"),
    ("6 ft tall", "six feet tall"),
    ("5'10\"", "five feet ten inches"),
    ("500 GB", "five hundred gigabytes"),
    ("2.4 GHz", "two point four gigahertz"),
    ("20 m²", "twenty square meters"),
    ("10%", "ten percent"),
    ("12.5 %", "twelve point five percent"),
    ("5 kWh", "five kilowatt hours"),
    ("5-10%", "five to ten percent"),
    ("5–10 km away", "five to ten kilometers away"),
    ("$5-10", "five to ten dollars"),
    ("$5–$10 million", "five to ten million dollars"),
    ("in the 1850s and 900s.", "in the eighteen fifties and nine hundreds."),
    ("the 1970s, 80s. Then", "the nineteen seventies, eighties. Then"),
    ("for royalties, 20s. were paid", "for royalties, twenty shillings were paid"),
    ("£5 10s. 6d. a year", "five pounds ten shillings six pence a year"),
    ("open 24/7", "open twenty-four seven"),
    # dates
    ("January 5, 1923", "January fifth, nineteen twenty-three"),
    ("on Jan. 5, 1923.", "on January fifth, nineteen twenty-three."),
    ("March 3rd", "March third"),
    ("5 March 1923", "The fifth of March, nineteen twenty-three"),
    ("the 5th of May", "the fifth of May"),
    ("on 12 June", "on the twelfth of June"),
    ("2024-01-15", "January fifteenth, twenty twenty-four"),
    ("1/15/2024", "January fifteenth, twenty twenty-four"),
    ("25/12/1999", "December twenty-fifth, nineteen ninety-nine"),
    ("May 1945", "May nineteen forty-five"),
    ("July 4, 1776", "July fourth, seventeen seventy-six"),
    # years
    ("in 1905", "in nineteen oh five"),
    ("in 1900", "in nineteen hundred"),
    ("in 1812", "in eighteen twelve"),
    ("in 2007", "in two thousand seven"),
    ("in 2024", "in twenty twenty-four"),
    ("by 2000", "by two thousand"),
    ("1066", "one thousand sixty-six"),
    ("1914–1918", "nineteen fourteen to nineteen eighteen"),
    ("1939-45", "nineteen thirty-nine to forty-five"),
    ("the 1990s", "the nineteen nineties"),
    ("the '20s", "the twenties"),
    ("the 1800s", "the eighteen hundreds"),
    ("1200 soldiers", "one thousand two hundred soldiers"),
    ("in 1905 was", "in nineteen oh five was"),
    # times
    ("3:30", "three thirty"),
    ("3:00", "three o'clock"),
    ("3:05 pm", "three oh five p.m."),
    ("at 3:30 p.m. sharp", "at three thirty p.m. sharp"),
    ("9 a.m.", "nine a.m."),
    ("at 9am today", "at nine a.m. today"),
    ("15:45", "fifteen forty-five"),
    ("20:00", "twenty hundred hours"),
    ("at 10:15:30", "at ten fifteen and thirty seconds"),
    ("10:30-11:45", "ten thirty to eleven forty-five"),
    # abbreviations
    ("Mr.Smith", "Mister Smith"),
    ("No. I will not.", "No. I will not."),
    ("tea, cake, &c.", "tea, cake, et cetera."),
    ("Mr. Smith and Mrs. Jones", "Mister Smith and Missus Jones"),
    ("Mr Smith", "Mister Smith"),
    ("Dr. Watson", "Doctor Watson"),
    ("Prof. Moriarty", "Professor Moriarty"),
    ("Capt. Nemo", "Captain Nemo"),
    ("Lt. Col. Gen. Maj. Bond", "Lieutenant Colonel General Major Bond"),
    ("St. Louis", "Saint Louis"),
    ("12 Elm St. in town", "twelve Elm Street in town"),
    ("He lives on Elm St.", "He lives on Elm Street."),
    ("No. 5 is alive", "number five is alive"),
    ("He said no.", "He said no."),
    ("vol. 2, pp. 3-5", "volume two, pages three to five"),
    ("apples, pears, etc.", "apples, pears, et cetera."),
    ("pears etc. were sold", "pears et cetera were sold"),
    ("cats vs. dogs", "cats versus dogs"),
    ("fruit, e.g. apples", "fruit, for example apples"),
    ("fruit, i.e., apples", "fruit, that is, apples"),
    ("Smith & Co.", "Smith and Company."),
    ("Smith & Sons Ltd. of York", "Smith and Sons Limited of York"),
    ("John Smith, Jr. came", "John Smith, Junior came"),
    ("J. R. R. Tolkien", "J R R Tolkien"),
    ("H.G. Wells", "H G Wells"),
    ("the U.S. army", "the U S army"),
    ("I live in the U.S.", "I live in the U S."),
    ("the year A.D. five", "the year A D five"),
    ("a Ph.D. student", "a P H D student"),
    ("Mt. Everest", "Mount Everest"),
    ("and/or", "and or"),
    ("w/o sugar", "without sugar"),
    ("black/white", "black slash white"),
    # Roman numerals
    ("Chapter IV", "Chapter four"),
    ("Book XII of it", "Book twelve of it"),
    ("World War II", "World War two"),
    ("Henry VIII", "Henry the eighth"),
    ("Louis XIV, king", "Louis the fourteenth, king"),
    ("Charles I, king", "Charles the first, king"),
    ("Then Charles I saw", "Then Charles I saw"),
    ("Elizabeth II's reign", "Elizabeth the second's reign"),
    ("I am", "I am"),
    ("the MIX", "the MIX"),
    # addresses
    ("see https://www.example.com/a-b now", "see example dot com slash a dash b now"),
    ("write to me@example.org", "write to me at example dot org"),
    ("R&D", "R and D"),
]


@pytest.mark.parametrize(("written", "spoken"), SAYINGS)
def test_text_is_written_out_as_it_is_spoken(written: str, spoken: str) -> None:
    assert normalize(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("CHAPTER IV.", "Chapter Four."),
        ("I", "One"),
        ("III. A SCANDAL IN BOHEMIA", "Three. A Scandal In Bohemia"),
        ("CHAPTER I. DOWN THE RABBIT-HOLE", "Chapter One. Down The Rabbit-Hole"),
        ("Marley’s Ghost", "Marley's Ghost"),
        ("I am born", "I am born"),
    ],
)
def test_heading_is_not_shouted_and_its_number_is_read(written: str, spoken: str) -> None:
    assert normalize_heading(written) == spoken


def test_there_are_enough_sayings() -> None:
    assert len(SAYINGS) >= 150


def test_spoken_text_stays_as_it_is() -> None:
    changed = {spoken: normalize(spoken) for _, spoken in SAYINGS if normalize(spoken) != spoken}
    assert changed == {}


@given(st.text(max_size=60))
def test_any_text_is_normalized_once_for_all(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once


_SCRAPS = [
    " ", ".", ",", "-", "—", "/", ":", "$",
    "%", "5", "12", "1905", "2nd", "Dr.", "St.",
    "U.S.", "p.m.",
    "Jan.", "I", "IV", "a", "The", "men", "km",
    "'", '"', "!", "?", "…", "*", "@", "#",
]  # fmt: skip


@given(st.lists(st.sampled_from(_SCRAPS), max_size=12))
def test_scraps_of_prose_are_normalized_once_for_all(scraps: list[str]) -> None:
    once = normalize("".join(scraps))
    assert normalize(once) == once


@given(st.text(alphabet="0123456789.,:/-$%' ", max_size=30))
def test_no_digit_is_left_unsaid(text: str) -> None:
    assert not any(character.isdigit() for character in normalize(text))
