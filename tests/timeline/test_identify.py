"""Names of implementations: right for every node of the reference traces, or none at all."""

import dataclasses
import functools
import json
import re
from pathlib import Path
from typing import Any

import pytest

from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.core.units import MILLISECOND, SECOND
from carpscope.pipeline import analyze
from carpscope.timeline import identify as identify_module
from carpscope.timeline.identify import Identity, identify, tick_rate
from carpscope.timeline.node import AdvertisedChange, CounterHabit, Node
from carpscope.timeline.traits import possible

TRACES = Path(__file__).parents[1] / "data" / "traces"
NAMES = sorted(path.relative_to(TRACES).with_suffix("") for path in TRACES.rglob("*.pcap"))
EXPECTED: dict[str, tuple[str, set[str | None]]] = {
    "freebsd13": ("freebsd", {"12-15"}),
    "freebsd9": ("freebsd", {"5-9", "5-10"}),
    "netbsd": ("netbsd", {None}),
    "openbsd": ("openbsd", {None, "6.5-7.6"}),
    "ucarp": ("ucarp", {None}),
}


@functools.cache
def scenario(name: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((TRACES / name).with_suffix(".json").read_text())
    return data["scenario"]  # type: ignore[no-any-return]


def by_source(name: Path) -> dict[str, dict[str, Any]]:
    nodes = scenario(name)["nodes"]
    return {node[key]: node for node in nodes for key in ("ip4", "ll6") if node.get(key)}


@functools.cache
def seen(name: Path) -> list[Node]:
    with open_capture(str((TRACES / name).with_suffix(".pcap"))) as capture:
        groups = analyze([capture], Config()).observer.groups.values()
    return [node for group in groups for node in group.members]


def test_there_are_traces_of_everybody() -> None:
    found = {node["impl"] for name in NAMES for node in scenario(name)["nodes"]}
    assert found == set(EXPECTED)


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_names_are_right(name: Path) -> None:
    known = by_source(name)
    for node in seen(name):
        identity = identify(node)
        wanted, versions = EXPECTED[known[node.id]["impl"]]
        if node.adverts >= 3:
            assert identity.name == wanted, node.id
            assert identity.versions in versions
            assert identity.confidence >= 0.6
        else:
            assert identity.name in (wanted, None), node.id
        assert identity.name is not None or identity.alternatives
        assert identity.because


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_clocks_are_right_or_not_told(name: Path) -> None:
    known = by_source(name)
    for node in seen(name):
        planned = known[node.id]
        if planned["impl"] == "ucarp" or planned.get("callout_slack"):
            continue
        assert tick_rate(node) in (None, planned["hz"]), node.id


@pytest.mark.parametrize("name", NAMES, ids=str)
def test_cards_are_right_or_not_told(name: Path) -> None:
    known = by_source(name)
    for node in seen(name):
        assert node.own_mac is None or node.own_mac.hex(":") == known[node.id]["mac"]


def made(**fields: Any) -> Node:
    """A kernel node that has said enough."""
    node = Node("10.0.0.1", 0, [bytes((10, 0, 0, 1))], bytes.fromhex("00005e000101"))
    node.adverts, node.advbase = 10, 1
    node.tos[0x10] = 10
    node.counters[4] = CounterHabit(5, 10, random=9)
    for name, value in fields.items():
        assert name in {field.name for field in dataclasses.fields(Node)}
        setattr(node, name, value)
    return node


def spaced(milliseconds: float) -> list[int]:
    return [SECOND + int(milliseconds * MILLISECOND)] * 5


RANDOM_IDS = [9, 50_000, 3, 40_000, 77, 30_000, 12]
COUNTING_IDS = [9, 10, 11, 14, 15, 16, 30]
CONSTANT = {4: CounterHabit(5, 10, constant=9)}


@pytest.mark.parametrize(
    ("fields", "name", "versions"),
    [
        ({"identifications": COUNTING_IDS}, "freebsd", "5-10"),
        ({"identifications": COUNTING_IDS, "bow_outs": 1}, "freebsd", "5-9"),
        ({"identifications": COUNTING_IDS, "max_advskew": 250}, "freebsd", "5-9"),
        ({"identifications": [0] * 7, "bow_outs": 1}, "netbsd", None),
        ({"identifications": [0] * 7, "na_card": 1}, "netbsd", None),
        ({"identifications": [0] * 7, "na_virtual": 1}, "freebsd", "11"),
        ({"identifications": [0] * 7, "intervals": spaced(1.2)}, "freebsd", "11"),
        ({"identifications": [0] * 7, "intervals": spaced(11)}, "netbsd", None),
        ({"identifications": [0] * 7}, None, None),
        ({"identifications": [0] * 7, "counters": CONSTANT}, "freebsd", "11"),
        ({"identifications": RANDOM_IDS}, None, None),
        ({"identifications": RANDOM_IDS, "counters": CONSTANT}, "openbsd", None),
        (
            {"identifications": RANDOM_IDS, "counters": CONSTANT, "intervals": spaced(-5)},
            "openbsd",
            "6.5-7.6",
        ),
        ({"identifications": RANDOM_IDS, "saw_demote": True}, "openbsd", None),
        ({"identifications": RANDOM_IDS, "garp_virtual": 2}, "openbsd", None),
        ({"mac": bytes.fromhex("00005e000001")}, "ucarp", None),
        ({"tos": {0xE0: 10}, "identifications": [0] * 7}, "freebsd", "12-15"),
        ({"tos": {0xE0: 10}, "identifications": [0] * 7, "max_advskew": 250}, "freebsd", "12-13"),
        (
            {"tos": {0xE0: 10}, "identifications": [0] * 7, "counters": CONSTANT},
            "freebsd",
            "11-12",
        ),
        ({"tos": {0xE0: 10}, "identifications": RANDOM_IDS, "saw_demote": True}, "openbsd", None),
        ({"tos": {0xE0: 10}, "identifications": RANDOM_IDS, "counters": CONSTANT}, "openbsd", None),
        ({"tos": {0xE0: 10}, "identifications": [0] * 7, "bow_outs": 1}, "netbsd", None),
        ({"tos": {0x20: 10}, "identifications": [0] * 7}, "freebsd", "12-15"),
        ({"tos": {}, "traffic_class": {0xE0: 9}}, "freebsd", "12-15"),
        ({"tos": {}, "traffic_class": {0: 9}, "na_router": 1}, "openbsd", None),
        ({"tos": {}, "traffic_class": {0: 9}, "na_card": 1}, "netbsd", None),
        ({"tos": {}, "traffic_class": {0: 9}, "na_virtual": 1}, "freebsd", "5-11"),
        ({"tos": {}, "traffic_class": {0: 9}}, None, None),
        ({"tos": {}, "traffic_class": {0: 9}, "counters": CONSTANT}, "openbsd", None),
        (
            {
                "identifications": COUNTING_IDS,
                "changes": [AdvertisedChange(0, 1, "advskew", 0, 240, early=True)],
            },
            "freebsd",
            "10",
        ),
    ],
)
def test_what_tells_them_apart(
    fields: dict[str, Any], name: str | None, versions: str | None
) -> None:
    identity = identify(made(**fields))
    assert (identity.name, identity.versions) == (name, versions)
    assert identity.because
    assert name is not None or identity.alternatives


def test_a_remark_is_no_proof() -> None:
    plain = identify(made(identifications=[0] * 7, bow_outs=1))
    remarked = identify(made(identifications=[0] * 7, bow_outs=1, tos={0: 10}))
    assert remarked.name == plain.name
    assert remarked.confidence < plain.confidence
    assert any("re-marked" in reason for reason in remarked.because)


def test_words() -> None:
    assert Identity("freebsd", "12-15", 0.95, ()).text == "FreeBSD 12–15"
    assert Identity("netbsd", None, 0.6, ()).text == "NetBSD?"
    assert Identity(None, None, 0.4, (), ("NetBSD", "FreeBSD 11")).text == (
        "unknown (NetBSD or FreeBSD 11)"
    )
    assert Identity(None, None, 0.0, ()).text == "unknown"
    assert identify(Node("10.0.0.1", 0)) == Identity(None, None, 0.0, ())


def test_every_version_that_is_named_has_a_profile() -> None:
    """What identify can answer stands in its source; traits must know it."""
    source = Path(identify_module.__file__).read_text()
    named = set(re.findall(r'Identity\(\s*"(\w+)",\s*("[\d.-]+"|None)', source))
    named |= {("freebsd", text) for text in re.findall(r'versions="([\d.-]+)"', source)}
    for name, versions in named:
        version = None if versions == "None" else versions.strip('"')
        assert possible(Identity(name, version, 1.0, ())), (name, version)
