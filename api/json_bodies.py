"""How many values a JSON body has, found without parsing it.

A parser reports each value that it does not expect: a body of a few megabytes would become an
answer of many, and keep the server from everything else for seconds.
"""

_QUOTE, _BACKSLASH = b'"', 0x5C


def has_more_values(body: bytes, most: int) -> bool:
    """Return whether JSON has more than `most` items and fields; of broken JSON, any answer."""
    if body.count(b",") <= most:  # commas in texts included
        return False
    count = position = 0
    while (start := body.find(_QUOTE, position)) >= 0:
        count += body.count(b",", position, start)
        position = _end_of_text(body, start + 1)
        if count > most or not position:
            return count > most
    return count + body.count(b",", position) > most


def _end_of_text(body: bytes, start: int) -> int:
    """Return where the JSON string that begins at `start` has ended; 0 if it does not end."""
    position = start
    while (end := body.find(_QUOTE, position)) >= 0:
        escape = end
        while escape > start and body[escape - 1] == _BACKSLASH:
            escape -= 1
        position = end + 1
        if (end - escape) % 2 == 0:  # each pair of backslashes is one of the text's own
            return position
    return 0
