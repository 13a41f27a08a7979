"""Addresses that a hand may have typed for another: one key too many, too few, wrong, swapped."""

from collections.abc import Iterator

from carpscope.core.address import ip_text, parse_ip
from carpscope.core.errors import CarpscopeError

_SIGNS = {4: "0123456789", 16: "0123456789abcdef"}
_FIELD = {4: ".", 16: ":"}


def slips(address: bytes) -> Iterator[bytes]:
    """Give every address whose text is one slip away from this one's, each once.

    A slip replaces, doubles, drops, adds or swaps one character, or swaps two neighbouring
    numbers (10.1.2.50 for 10.2.1.50).
    """
    seen = {address}
    for text in _texts(ip_text(address), _SIGNS[len(address)], _FIELD[len(address)]):
        try:
            found = parse_ip(text, where="")
        except CarpscopeError:
            continue
        if len(found) == len(address) and found not in seen:
            seen.add(found)
            yield found


def _texts(text: str, signs: str, between: str) -> Iterator[str]:
    for at in range(len(text)):
        if text[at] != between:
            for sign in signs:
                yield text[:at] + sign + text[at + 1 :]
            yield text[:at] + text[at + 1 :]
        if at + 1 < len(text):
            yield text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    for at in range(len(text) + 1):
        for sign in signs:
            yield text[:at] + sign + text[at:]
    parts = text.split(between)
    for at in range(len(parts) - 1):
        swapped = [*parts[:at], parts[at + 1], parts[at], *parts[at + 2 :]]
        yield between.join(swapped)
