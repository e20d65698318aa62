"""Which English is spoken: it decides the order of dates and some words."""

from enum import StrEnum


class English(StrEnum):
    """american: March 4 is 3/4 and 101 is "one hundred one". british: 4/3, with an "and"."""

    AMERICAN = "american"
    BRITISH = "british"
