"""Inputs bent by what they mean: values of JSON and TOML, words of a log, records of a pcap.

Flipped bytes make most texts unreadable at their first line and prove little. These keep the
form and spoil the content. Each takes bytes and a seed, so the suite uses them as well.
"""

import json
import random
import re
import struct
import tomllib
from collections.abc import Callable

from tests.fuzz.frames import bent, templates

Mutator = Callable[[bytes, random.Random], bytes]

NUMBERS: tuple[int | float, ...] = (
    0, 1, -1, 2, 4, 6, 7, 100, 254, 255, 256, 4094, 4095, 65535, 65536, 86400, 86401, 1 << 31,
    (1 << 63) - 1, 1 << 63, 1 << 64, -(1 << 63), 10**30, 10**400, 0.0, -0.0, 0.5, 1e-320, 1e300,
    float("inf"), float("-inf"), float("nan"),
)  # fmt: skip
TEXTS = (
    "", "a", "MASTER", "0", "-1", "1e999", "nan", "\x00", "\x1b[2J", "\u202e", "\u200b", "\ud800",
    "\U0001f600", "\n", "\r\n", "=1+1", "<script>", "../../x", "/", "..", "x" * 300, "192.0.2.1",
    "2001:db8::1", "::ffff:1.2.3.4", "1.2.3.4/33", "fe80::1%eth0", "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z", "2026-11-23T00:00:00.0Z", "critical",
    "CS101", "openbsd", "ucarp", "crash", "loss", "split_brain", "00:00:5e:00:01:01",
)  # fmt: skip
_WORD = re.compile(r"\d+|\w+|\s+|.", re.DOTALL)


def words(data: bytes, chance: random.Random) -> bytes:
    """Exchange words, numbers and lines of a text."""
    found = _WORD.findall(data.decode("utf-8", "surrogateescape"))
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(found) + 1)
        match chance.randrange(5):
            case 0 if at < len(found):
                found[at] = str(chance.choice(NUMBERS))[:400]
            case 1 if at < len(found):
                found[at] = chance.choice(TEXTS)
            case 2:
                found.insert(at, chance.choice(TEXTS))
            case 3 if at < len(found):
                found.insert(at, chance.choice(found))
            case _:
                start = chance.randrange(len(found) + 1)
                found[at:at] = found[start : start + chance.randrange(1, 40)]
    return "".join(found).encode("utf-8", "surrogatepass")


def values(data: bytes, chance: random.Random) -> bytes:
    """Exchange values of a document; what was TOML is TOML again, and what is neither is words."""
    try:
        text = data.decode()
        is_json = text.lstrip()[:1] in ("{", "[")
        value = json.loads(text) if is_json else tomllib.loads(text)
    except (ValueError, RecursionError):
        return words(data, chance)
    for _ in range(chance.randrange(1, 4)):
        value = _spoilt(value, chance)
    if is_json or not isinstance(value, dict):
        return json.dumps(value, default=str).encode()
    lines = [f"{_key(str(key))} = {_toml(item)}\n" for key, item in value.items()]
    return "".join(lines).encode("utf-8", "surrogatepass")


def _spoilt(value: object, chance: random.Random) -> object:
    """Give a value with one part of it exchanged, taken away or doubled."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        fate = chance.random()
        if fate < 0.1:
            return {k: v for k, v in value.items() if k != key}
        if fate < 0.2:
            return {**value, chance.choice(TEXTS): value[key]}
        return {**value, key: _spoilt(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        if chance.random() < 0.2:
            return [*value, *value[at:]]
        return [*value[:at], _spoilt(value[at], chance), *value[at + 1 :]]
    return _other(chance)


def _other(chance: random.Random) -> object:
    kinds: tuple[object, ...] = (
        None, True, False, [], {}, [[]], [None], {"": {}}, chance.choice(NUMBERS),
        chance.choice(NUMBERS), chance.choice(TEXTS), chance.choice(TEXTS),
        [chance.choice(TEXTS)], {chance.choice(TEXTS): chance.choice(NUMBERS)},
    )  # fmt: skip
    return chance.choice(kinds)


def _key(text: str) -> str:
    return json.dumps(text)


def _toml(value: object) -> str:
    match value:
        case None:
            return '""'
        case bool():
            return "true" if value else "false"
        case float() if value != value:  # noqa: PLR0124 - NaN is not itself
            return "nan"
        case float() if value in (float("inf"), float("-inf")):
            return "inf" if value > 0 else "-inf"
        case int() | float():
            return str(value)
        case list():
            return f"[{', '.join(_toml(item) for item in value)}]"
        case dict():
            return "{" + ", ".join(f"{_key(str(k))} = {_toml(v)}" for k, v in value.items()) + "}"
    return json.dumps(str(value), ensure_ascii=False)


def records(data: bytes, chance: random.Random) -> bytes:
    """Bend packets of a little-endian pcap, their order and their times; the rest is noise."""
    found = _records(data)
    if not found or chance.random() < 0.1:
        spoilt = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            if spoilt:
                spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        return bytes(spoilt)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(found))
        seconds, micros, wire, packet = found[at]
        match chance.randrange(6):
            case 0:
                seconds = chance.choice((0, 1, seconds + 1, seconds - 3600, (1 << 32) - 1))
                found[at] = (seconds & 0xFFFF_FFFF, micros, wire, packet)
            case 1:
                found.insert(chance.randrange(len(found)), found[at])
            case 2:
                del found[at]
                if not found:
                    break
            case _:
                packet = bent(packet, _POOL, chance)
                found[at] = (seconds, micros, len(packet), packet)
    rows = (struct.pack("<IIII", s, m, len(p), w) + p for s, m, w, p in found)
    return data[:24] + b"".join(rows)


_POOL = templates()


def _records(data: bytes) -> list[tuple[int, int, int, bytes]]:
    found = []
    at = 24
    while data[:4] == b"\xd4\xc3\xb2\xa1" and at + 16 <= len(data):
        seconds, micros, size, wire = struct.unpack_from("<IIII", data, at)
        found.append((seconds, micros, wire, data[at + 16 : at + 16 + size]))
        at += 16 + size
    return found


def noise(data: bytes, chance: random.Random) -> bytes:
    """Bend bytes as frames are bent."""
    return bent(data, _POOL, chance)


MUTATORS: dict[str, Mutator] = {
    "config": values,
    "settings": words,
    "log": words,
    "story": values,
    "state": values,
    "report": values,
    "keys": words,
    "whole": records,
}


def mutator(name: str) -> Mutator:
    """Return what bends inputs of a target."""
    return MUTATORS.get(name, noise)
