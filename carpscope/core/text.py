"""Text that somebody else wrote, with everything that cannot be seen spelt out.

A file name, a node's name, a comment, a line of a log may hold what a terminal obeys, what
turns the direction of writing, or what has no width at all. `shown` makes each of those
visible, as `\\x1b` or `\\u202e`; every format then escapes what is special to itself.
"""

import re

_UNSEEN = (
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
"""What Python calls printable and nobody sees: joiners, fillers, variation selectors. Compiled
where such a text comes."""


def is_visible(text: str) -> bool:
    """Tell whether every character of a text shows, each as itself."""
    return text.isprintable() and (text.isascii() or re.search(_UNSEEN, text) is None)


def shown(text: str, *, keep: str = "") -> str:
    """Give text with every character that does not show spelt out; `keep` stays as it is."""
    if is_visible(text):
        return text
    return "".join(c if c in keep or is_visible(c) else spelt(c) for c in text)


def spelt(character: str) -> str:
    """Give one character by its number, as Python's own literals do."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that was no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x1_0000 else f"\\U{code:08x}"


def plural(count: int, word: str, words: str = "") -> str:
    """Give a count with its noun: `1 frame`, `1,204 frames`."""
    return f"{count:,} {word if count == 1 else words or word + 's'}"


WORDS = {
    "✓": "ok", "✗": "WRONG", "●": "*", "○": "o", "·": "-", "–": "-", "—": "-", "…": "...",
    "→": "->", "←": "<-", "↔": "<->", "×": "x", "µ": "u", "≤": "<=", "≥": ">=",
    "━": "-", "─": "-", "│": "|", "█": "#", "▏": "|",
}  # fmt: skip
"""What stands for a sign where the encoding of the terminal has none; no two verdicts alike."""
