"""Numbers and addresses as C libraries read them."""

import re

from carpscope.core.address import ip_bytes
from carpscope.settings.model import UNKNOWN, VARIES

_DIGITS_MAX = 20
"""More digits overflow every integer here; int() of a megabyte of them would take long."""

_SIZES = {"": (4, 16), "inet": (4,), "inet6": (16,)}
"""Octets of an address, by the word that names its family."""


def word_set(text: str) -> frozenset[str]:
    """Make a set of the words of a text."""
    return frozenset(text.split())


def is_known(text: str) -> bool:
    """Tell whether every part of a text is in the files."""
    return UNKNOWN not in text and VARIES not in text


def atoi(text: str) -> int:
    """Read as atoi(): digits at the beginning, else 0."""
    found = re.match(r"[ \t]*([-+]?)([0-9]+)", text)
    if found is None:
        return 0
    value = _bounded(found[2], 10)
    return -value if found[1] == "-" else value


def strtonum(text: str) -> int | None:
    """Read as OpenBSD's strtonum(): decimal and nothing else; None where it complains."""
    found = re.fullmatch(r"[ \t]*([-+]?)([0-9]+)", text)
    if found is None:
        return None
    value = _bounded(found[2], 10)
    return -value if found[1] == "-" else value


def strtoul(text: str) -> int:
    """Read as strtoul() with base 0: `0x10` is 16, `010` is 8, `008` is 0, `1x` is 1."""
    found = re.match(r"[ \t]*([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)", text)
    if found is None:
        return 0
    digits = found[2]
    if digits[:2] in ("0x", "0X"):
        value = _bounded(digits[2:], 16)
    else:
        value = _bounded(digits, 8 if digits[0] == "0" else 10)
    return (1 << 64) - value if found[1] == "-" and value else value


def read_as(text: str) -> str:
    """Say what strtoul() makes of a number, where it differs: `042 is read as octal: 34`."""
    value = strtoul(text)
    if str(value) == text:
        return ""
    octal = "octal: " if re.fullmatch(r"0[0-9]+", text) else ""
    return f"{text} is read as {octal}{value}"


def _bounded(digits: str, base: int) -> int:
    digits = digits.lstrip("0")
    return (1 << 64) - 1 if len(digits) > _DIGITS_MAX else int(digits or "0", base)


def address(text: str, family: str = "") -> bytes | None:
    """Read an address without a length; `family` is inet, inet6 or either."""
    bare = text.partition("%")[0] if ":" in text else text
    return ip_bytes(bare, _SIZES[family])


def prefixed(text: str, family: str = "") -> tuple[bytes, int | None] | None:
    """Read an address with or without a length; None where it is neither."""
    bare, slash, length = text.partition("/")
    found = address(bare, family)
    if found is None:
        return None
    if not slash:
        return found, None
    if not re.fullmatch(r"[0-9]{1,3}", length) or int(length) > 8 * len(found):
        return None
    return found, int(length)


def mask_length(text: str) -> int | None:
    """Read a netmask, dotted or hexadecimal; None where it is none."""
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,8}", text):
        value = int(text, 16)
    else:
        packed = address(text, "inet")
        if packed is None:
            return None
        value = int.from_bytes(packed, "big")
    bits = f"{value:032b}"
    return bits.count("1") if "01" not in bits else None
