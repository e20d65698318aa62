"""How many values a JSON body has, found without parsing it.

A parser reports each value that it does not expect: a body of a few megabytes would become an
answer of many, and keep the server from everything else for seconds.
"""

import re

# One that does not end goes on to the end of the body. No part of it is tried twice.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)


def has_more_values(body: bytes, most: int) -> bool:
    """Return whether JSON has more than `most` items and fields; of broken JSON, any answer."""
    if body.count(b",") <= most:  # commas in texts included
        return False
    commas = position = 0
    for number, text in enumerate(_TEXT.finditer(body)):
        commas += body.count(b",", position, text.start())
        position = text.end()
        if commas > most or number > 2 * most + 1:  # each value has two texts at most
            return True
    return commas + body.count(b",", position) > most
