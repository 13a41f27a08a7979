"""What becomes of a passphrase between the file and the HMAC, and how that is told.

`Written` is how a person reads the text: without one layer of quotes, without the
backslashes that protect something inside double quotes. If what a system signs with is none
of the readings, a finding says so, in words that give nothing of the passphrase away.
"""

import re

from carpscope.settings.model import KERNEL_KEY, UNKNOWN, VARIES, DeclaredKey, Where

_PLAIN = re.compile(r"[^ \t\"'\n]+")
_VARIABLE = re.compile(r"\$(?:\{[A-Za-z_][A-Za-z0-9_]*\}|[A-Za-z_][A-Za-z0-9_]*)")


def written_after(raw: str, word: str = "pass") -> str | None:
    """Return the raw text of a passphrase: what follows the last `pass` of a line."""
    found = None
    for match in re.finditer(rf"(?:^|[\s\"'])({word})[ \t]+", raw):
        found = match
    return None if found is None else _chunk(raw[found.end() :])


def _chunk(rest: str) -> str:
    """Take one word as a person reads it, its quotes included."""
    for quote in ('\\"', '"', "'"):
        if rest.startswith(quote):
            end = rest.find(quote, len(quote))
            # a quote with only blanks or nothing before its end closes the whole value
            if end > 0:
                return rest[: end + len(quote)]
    end = len(rest.rstrip(" \t\n;#"))
    out = 0
    while out < len(rest):
        char = rest[out]
        if char == "\\" and out + 1 < len(rest):
            out += 2
            continue
        if char in " \t\n":
            break
        if char in "\"'" and out + 1 >= end:
            break
        out += 1
    return rest[:out]


def readings(raw: str, *, in_double_quotes: bool) -> set[str]:
    """Return everything a person may have meant by a raw word."""
    found = {raw}
    if in_double_quotes:
        found.add(_unescaped(raw))
    for text in found:
        for quote in ('\\"', '"', "'"):
            if len(text) >= 2 * len(quote) and text.startswith(quote) and text.endswith(quote):
                inner = text[len(quote) : len(text) - len(quote)]
                found.add(inner)
                found.discard(text)
                if quote == '"':
                    found.add(_unescaped(inner))
    return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\([\\\"$`])", r"\1", text)


def is_variable(raw: str) -> bool:
    """Tell whether a word is nothing but a variable, which is meant to be replaced."""
    bare = raw.strip("\"'\\")
    return _VARIABLE.fullmatch(bare) is not None or bare.startswith(("$(", "`"))


def made(
    value: str,
    meant: set[str],
    where: Where,
    encoding: str,
    *,
    limit: int = KERNEL_KEY,
    flaw: str = "",
    is_reference: bool = False,
) -> DeclaredKey:
    """Make the key of the text that reaches the system; `meant` is what was written."""
    if VARIES in value:
        told = "a part of it is the number of a process or a random one, another at every boot"
        return DeclaredKey(None, where, flaw=flaw or told, varies=True)
    if UNKNOWN in value:
        mixed = value.strip(UNKNOWN) and not is_reference
        told = "a part of it is taken for a variable or a command by a shell" if mixed else ""
        return DeclaredKey(None, where, flaw=flaw or told)
    data = value.encode(encoding, "surrogateescape")
    flaws = [flaw] if flaw else []
    if not flaw and not is_reference and meant and value not in meant:
        flaws.append(quoting_flaw(value, meant))
    if len(data) > limit:
        flaws.append(f"{limit} of {len(data)} bytes are used")
    return DeclaredKey(data[:limit], where, flaw=" and ".join(flaws), written_length=len(data))


def quoting_flaw(value: str, meant: set[str]) -> str:
    """Say in words what differs between what is signed and what was written."""
    written = min(meant, key=len)
    if value.strip("\"'") in meant and value not in meant:
        return "its quotes are kept as characters of it"
    if any(value == text.replace("\\", "") for text in meant):
        return "a backslash is taken by a shell"
    if any(text.startswith(value) for text in meant):
        cut = written[len(value) : len(value) + 1]
        if cut in " \t":
            return "it is split at a blank and only its first word is used"
        return "it is cut where a shell takes a sign for the end of a command"
    if value[:1] in "\"'":
        return "it is split at a blank and its quote is kept as a character of it"
    return "a shell changes it"
