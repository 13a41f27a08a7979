"""What a node advertises against what its files say; the frames are plain bytes."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.detect.configured import written
from tests.plain import Tape
from tests.program import run

FILES = """\
== fw1/rc.conf
ifconfig_em0="inet 10.0.0.1/24"
ifconfig_em0_alias0="inet 10.0.0.100/32 vhid 7 {values} pass quiet"
== fw2/rc.conf
ifconfig_em0="inet 10.0.0.2/24"
ifconfig_em0_alias0="inet 10.0.0.100/32 vhid 7 advskew 200 pass quiet"
"""


def told(values: str, base: int, skew: int, folder: Path) -> list[dict[str, Any]]:
    """Return what is said where fw1 has these values in its file and advertises others."""
    tape = Tape()
    for turn in range(20):
        at = turn * (base + skew / 256 + 0.01)
        tape.advert(at, "10.0.0.1", 7, skew, base=base, passphrase="quiet", vips=("10.0.0.100",))
    options = [w for n in written(FILES.format(values=values), folder) for w in ("--node", n)]
    found = run("analyze", "--json", *options, tape.write(folder / "tape.pcap"))
    findings: list[dict[str, Any]] = json.loads(found.out)["findings"]
    return [one for one in findings if one["label"] == "other_values"]


@pytest.mark.parametrize(
    ("values", "base", "skew", "file"),
    [
        ("advskew 50", 1, 0, "1/50"),
        ("", 1, 100, "1/0"),
        ("advbase 3", 1, 0, "3/0"),
        ("advbase 2 advskew 9", 2, 10, "2/9"),
    ],
)
def test_other_values_are_told_with_the_line(
    values: str, base: int, skew: int, file: str, tmp_path: Path
) -> None:
    (one,) = told(values, base, skew, tmp_path)
    assert one["summary"] == f"10.0.0.1 advertises {base}/{skew}, and its file says {file}"
    assert "fw1/rc.conf:2" in one["remedy"]
    assert one["severity"] == "info"


@pytest.mark.parametrize(
    ("values", "base", "skew"), [("advskew 50", 1, 50), ("advbase 2", 2, 0), ("advskew 50", 1, 240)]
)
def test_what_is_written_and_a_demoted_node_are_quiet(
    values: str, base: int, skew: int, tmp_path: Path
) -> None:
    assert told(values, base, skew, tmp_path) == []
