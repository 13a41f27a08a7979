"""Inputs built to cost more than they weigh: each as a function of a size, for a target.

`python -m tests.fuzz.shapes` runs each at one, two and four times a size and prints what a
byte cost: work that grows faster than the input shows as a number that doubles. The suite
takes the same inputs and counts memory and steps (tests/fuzz/test_bounds.py).
"""

import gzip
import struct
import sys
import time
import zlib
from collections.abc import Callable
from typing import NamedTuple

import zstandard

from tests.capture import builder
from tests.fuzz.targets import SETTINGS, TARGETS
from tests.wire import samples


class Shape(NamedTuple):
    """One way to be expensive."""

    target: str
    made: Callable[[int], bytes]
    size: int
    """Bytes, about."""


def _pcap(packets: bytes) -> bytes:
    return struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1) + packets


def _record(data: bytes) -> bytes:
    return struct.pack("<IIII", 1, 0, len(data), len(data)) + data


def _ng(blocks: bytes) -> bytes:
    return builder.section() + builder.interface() + blocks


def _options(size: int) -> bytes:
    one = builder.enhanced(b"x" * 60, 1, options=builder.option(1, b"") * 50_000)
    return _ng(one * (1 + size // len(one)))


def _tiny_members(size: int) -> bytes:
    one = gzip.compress(b"x", mtime=0)
    return gzip.compress(_pcap(b""), mtime=0) + one * (size // len(one))


def _tiny_frames(size: int) -> bytes:
    one = zstandard.ZstdCompressor().compress(b"x")
    return zstandard.ZstdCompressor().compress(_pcap(b"")) + one * (size // len(one))


def _stored(size: int) -> bytes:
    """Give deflate blocks of a byte each."""
    blocks = b"\x00\x01\x00\xfe\xffx" * (size // 6) + b"\x01\x00\x00\xff\xff"
    return gzip.compress(_pcap(b""), mtime=0) + b"\x1f\x8b\x08" + bytes(7) + blocks + bytes(8)


def _bomb(size: int) -> bytes:
    squeeze = zlib.compressobj(9, wbits=31)
    head = squeeze.compress(_pcap(b"") + _record(bytes(200_000)) * (size * 1000 // 200_016))
    return head + squeeze.flush()


def _lines(line: str) -> Callable[[int], bytes]:
    raw = line.encode() + b"\n"
    return lambda size: raw * (size // len(raw))


def _deep(size: int, opening: str, closing: str, before: str = "a = ", after: str = "") -> bytes:
    count = size // (len(opening) + len(closing))
    return f"{before}{opening * count}{closing * count}{after}".encode()


def _state(size: int) -> bytes:
    one = TEMPLATE_OF_A_SITUATION
    entries = ",".join(one % number for number in range(size // len(one)))
    return f'{{"schema": "carpscope.live/1", "open": [{entries}]}}'.encode()


TEMPLATE_OF_A_SITUATION = (
    '{"interface": "e", "identity": "%d", "opened": "2026-11-23T00:00:00Z", '
    '"moved": "2026-11-23T00:00:00Z", "code": "CS101", "label": "l", "severity": "info", '
    '"confidence": 1, "group": "g", "nodes": [], "start": "2026-11-23T00:00:00Z", '
    '"end": "2026-11-23T00:00:00Z", "frame_count": 1, "summary": "", "explanation": "", '
    '"remedy": "", "caused_by": [], "ongoing": true}'
)
_NODE = '[[nodes]]\nname = "n%d"\naddresses = ["10.0.0.100"]\n'
_DATED = "2026-11-23T00:00:00Z a b c d ["
_TAGGED = samples.F1[:12] + b"\x81\x00\x00\x01" * 15_000 + samples.F1[12:]
_EXTENDED = samples.over_ipv6(b"\0\0" * 4 * 3500, next_header=0)

_ALIAS = 'ifconfig_em0_alias%d="inet vhid 1 pass a 10.0.0.1/32"\n'
_NIC = 'ifconfig_em%d="inet 10.0.0.1/24 vhid 1 pass a"\n'
_VIP = "<vip><mode>carp</mode><vhid>%d</vhid><subnet>10.0.0.1</subnet></vip>"
_STANZA = (
    "iface eth%d inet static\n address 10.0.0.1/24\n ucarp-vid 1\n ucarp-vip 10.0.0.2\n"
    " ucarp-password a\n"
)
_PASTED = (
    "em%d: flags=1\n\tinet 10.0.0.1 netmask 0xff000000 vhid 1\n"
    "\tcarp: MASTER vhid 1 advbase 1 advskew 0\n"
)


def _setting(kind: str, line: str) -> Callable[[int], bytes]:
    """Make a configuration of many lines; `%d` is another number in each."""
    head = bytes((SETTINGS.index(kind),))

    def made(size: int) -> bytes:
        lines = (line % n if "%d" in line else line for n in range(size // len(line)))
        return head + "".join(lines).encode()

    return made


def _xml(element: str) -> Callable[[int], bytes]:
    """Make a config.xml of many elements."""
    head = bytes((SETTINGS.index("opnsense.config.xml"),))
    place = "virtualip" if "vip" in element else "interfaces"

    def made(size: int) -> bytes:
        many = (element % n if "%d" in element else element for n in range(size // len(element)))
        return head + f"<opnsense><{place}>{''.join(many)}</{place}></opnsense>".encode()

    return made


SHAPES = {
    "records of nothing": Shape(
        "capture", lambda size: _pcap(_record(b"") * (size // 16)), 400_000
    ),
    "one packet after another of 256 KiB": Shape(
        "capture", lambda size: _pcap(_record(bytes(262_144)) * (size // 262_160)), 4_000_000
    ),
    "thousands of options": Shape("capture", _options, 1_000_000),
    "interfaces": Shape(
        "capture", lambda size: _ng(builder.interface() * (size // 20)), 300_000
    ),
    "sections": Shape(
        "capture", lambda size: _ng(builder.section() * (size // 28)), 400_000
    ),
    "blocks nobody knows": Shape(
        "capture", lambda size: _ng(builder.block(0xBAD, b"") * (size // 12)), 400_000
    ),
    "gzip members of a byte": Shape("squeezed", lambda size: b"\0" + _tiny_members(size), 200_000),
    "deflate blocks of a byte": Shape("squeezed", lambda size: b"\0" + _stored(size), 400_000),
    "zstd frames of a byte": Shape("squeezed", lambda size: b"\0" + _tiny_frames(size), 200_000),
    "a gzip bomb": Shape("squeezed", lambda size: b"\0" + _bomb(size), 100_000),
    "tags upon tags": Shape(
        "whole", lambda size: _pcap(_record(_TAGGED) * (size // len(_TAGGED))), 250_000
    ),
    "extension headers": Shape(
        "whole", lambda size: _pcap(_record(_EXTENDED) * (size // len(_EXTENDED))), 300_000
    ),
    "a long line": Shape("log", lambda size: b"x" * size, 4_000_000),
    "lines of nothing": Shape("log", _lines(""), 200_000),
    "lines of carp": Shape("log", _lines("carp: " * 680), 200_000),
    "lines of demotions": Shape("log", _lines("carp: x demoted group " * 180), 200_000),
    "lines of brackets": Shape("log", _lines(_DATED + "]" * 4000), 200_000),
    "lines of carp1": Shape("log", _lines("carp1" * 800), 200_000),
    "arrays in arrays": Shape("config", lambda size: _deep(size, "[", "]"), 200_000),
    "tables in tables": Shape("config", lambda size: _deep(size, "{a=", "}", after=""), 200_000),
    "a key of dots": Shape("config", lambda size: b"a" + b".a" * (size // 2) + b" = 1\n", 20_000),
    "keys of dots": Shape("config", _lines("a" + ".a" * 900 + "b = 1"), 40_000),
    "headers": Shape(
        "config", lambda size: b"".join(b"[a%d]\n" % n for n in range(size // 8)), 100_000
    ),
    "aliases": Shape("settings", _setting("freebsd.rc.conf", _ALIAS), 100_000),
    "interfaces of rc.conf": Shape("settings", _setting("freebsd.rc.conf", _NIC), 100_000),
    "quotes that do not end": Shape("settings", _setting("freebsd.rc.conf", "a='$(`"), 100_000),
    "expansions": Shape("settings", _setting("freebsd.rc.conf", 'a="${a}$(b)`c`"\n'), 100_000),
    "lines of carp0": Shape(
        "settings", _setting("openbsd.hostname.if", "inet alias 10.0.0.1 255.0.0.0\n"), 100_000
    ),
    "refused lines of carp0": Shape(
        "settings", _setting("openbsd.hostname.if", "x=1\n"), 100_000
    ),
    "refused lines of NetBSD": Shape("settings", _setting("netbsd.ifconfig.if", "x=1\n"), 100_000),
    "variables that double": Shape("settings", _setting("fedora.vip", 'a="$a$a"\n'), 100_000),
    "macros that double": Shape("settings", _setting("pf.conf", 'a = "{ a $a $a }"\n'), 99_000),
    "vips": Shape("settings", _xml(_VIP), 200_000),
    "interfaces of a GUI": Shape("settings", _xml("<a><if>b</if></a>"), 100_000),
    "rules of pf": Shape("settings", _setting("pf.conf", "block in on { a b } to any\n"), 99_000),
    "stanzas": Shape("settings", _setting("debian.interfaces", _STANZA), 100_000),
    "units": Shape("settings", _setting("systemd.unit", "[Service]\nExecStart=x ${a}\n"), 90_000),
    "instances": Shape(
        "settings", _setting("keepalived.conf", "vrrp_instance a {\n interface b\n}\n"), 100_000
    ),
    "pasted interfaces": Shape("settings", _setting("ifconfig", _PASTED), 100_000),
    "a scenario of arrays": Shape("story", lambda size: _deep(size, "[", "]"), 200_000),
    "a scenario of JSON arrays": Shape(
        "story", lambda size: _deep(size, "[", "]", '{"a":', "}"), 200_000
    ),
    "a scenario of headers": Shape(
        "story", lambda size: b"".join(b"[[a%d]]\n" % n for n in range(size // 10)), 20_000
    ),
    "a scenario of nodes": Shape(
        "story", lambda size: "".join(_NODE % n for n in range(size // 50)).encode(), 20_000
    ),
    "a state of situations": Shape("state", _state, 200_000),
    "a state of arrays": Shape(
        "state", lambda size: _deep(size, "[", "]", '{"schema": "carpscope.live/1", "open":', "}"),
        200_000,
    ),
    "a manifest of arrays": Shape(
        "report", lambda size: _deep(size, "[", "]", '{"outputs":', "}"), 200_000
    ),
}  # fmt: skip


def main(names: list[str]) -> None:
    """Print what a byte of each costs, at one, two and four times its size."""
    for name in names:
        shape = SHAPES[name]
        costs = []
        for times in (1, 2, 4):
            data = shape.made(shape.size * times)
            begin = time.process_time()
            TARGETS[shape.target](data)
            costs.append((time.process_time() - begin) / len(data) * 1e9)
        told = " ".join(f"{cost:>10,.0f}" for cost in costs)
        sign = "  GROWS" if costs[2] > 2.5 * costs[0] and costs[2] > 2.5 * costs[1] / 2 else ""
        print(f"{name:36} {told} ns a byte{sign}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(SHAPES))
