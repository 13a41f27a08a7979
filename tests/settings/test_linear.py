"""No reader takes more than linear time: twice the text, at most about twice the lines run."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from carpscope.settings.gather import gather
from carpscope.settings.read import read_node

SIZE = 150
SETTINGS = str(Path(sys.modules[read_node.__module__].__file__ or "").parent)


def _address(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def _lines(head: str, line: str, tail: str = "") -> Callable[[int], str]:
    def made(size: int) -> str:
        lines = (line.format(n=n, a=_address(n), v=n % 255 + 1) for n in range(size))
        return head + "".join(lines) + tail

    return made


CARP = 'ifconfig_em0_alias{n}="inet {a}/32 vhid 1 pass x{n}\'"\n'
TEXTS = {
    "ucarp.sh": _lines("", "ucarp -i eth0 -s {a} -v {v} -p quiet{n} -a {a}\n"),
    "interfaces": _lines(
        "iface eth0 inet static\n ucarp-vid 1\n ucarp-vip 10.0.0.1\n ucarp-password a\n"
        " address 10.0.0.2/8\n",
        " up ip addr add {a}/8 dev eth0\n",
    ),
    "stanzas": _lines(
        "",
        "iface eth{n} inet static\n address {a}/24\n ucarp-vid {v}\n ucarp-vip 10.0.0.1\n"
        " ucarp-password a\n",
    ),
    "rc.conf": _lines("hostname=a\n", CARP),
    "rc.conf.deletes": _lines(
        "ifconfig_em0='inet 10.9.9.9/8'\nifconfig_em0_alias0='inet 10.9.9.8/32 vhid 1 pass a'\n",
        "ifconfig_em0_alias1{n}='inet {a}/32 vhid 1'\nifconfig_em0_alias2{n}='inet {a} -alias'\n",
    ),
    "rc.conf.aliases": _lines('ifconfig_em0_aliases="\n', " inet {a}/32 vhid {v} pass a\n", '"\n'),
    "rc.conf.words": _lines('ifconfig_em0="inet 10.0.0.1/8"\nx=1\na=', "$x'{n}'"),
    "hostname.carp0": _lines(
        "vhid 1 carpdev em0 pass a\n", "inet alias {a}/32\ninet {a} -alias\ninet alias {a}/32\n"
    ),
    "ifconfig.carp0": _lines(
        "create\nvhid 1 carpdev wm0 pass a\n", "inet {a}/32\ninet {a} -alias\n"
    ),
    "ucarp.service": _lines("[Service]\nType=oneshot\n", "ExecStart=ucarp -i e -s {a} -v 1 -p a\n"),
    "output": _lines(
        "em0: flags=1<UP>\n", " inet {a}/8 vhid {v}\n", " carp: MASTER vhid 1 advbase 1 advskew 0\n"
    ),
    "config.xml": _lines(
        "<opnsense><interfaces><lan><enable/><if>em0</if></lan></interfaces><virtualip>",
        "<vip><mode>carp</mode><interface>lan</interface><vhid>{v}</vhid><subnet>{a}</subnet></vip>",
        "</virtualip></opnsense>",
    ),
    "pfsense.xml": _lines(
        "<pfsense><interfaces><lan><enable/><if>em0</if></lan></interfaces><virtualip>"
        "<vip><mode>carp</mode><interface>lan</interface><vhid>1</vhid><uniqid>1</uniqid>"
        "<subnet>10.9.9.9</subnet></vip>",
        "<vip><mode>ipalias</mode><interface>_vip1</interface><subnet>{a}</subnet></vip>",
        "</virtualip></pfsense>",
    ),
}


def _run_lines(path: Path) -> int:
    """Count the lines of readers that run."""
    count = 0

    def line(_frame: FrameType, event: str, _value: Any) -> Any:
        nonlocal count
        count += event == "line"
        return line

    def call(frame: FrameType, _event: str, _value: Any) -> Any:
        return line if frame.f_code.co_filename.startswith(SETTINGS) else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        read_node(gather([f"node={path}"])[0])
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("name", TEXTS)
def test_twice_the_text_takes_twice_the_work(name: str, tmp_path: Path) -> None:
    counts = []
    for size in (SIZE, 2 * SIZE, 4 * SIZE):
        path = tmp_path / str(size) / name.removesuffix(".deletes").removesuffix(".aliases")
        path.parent.mkdir()
        path.write_text(TEXTS[name](size))
        counts.append(_run_lines(path))
    first, second = counts[1] - counts[0], counts[2] - counts[1]
    assert first > SIZE
    assert second < 2.2 * first
