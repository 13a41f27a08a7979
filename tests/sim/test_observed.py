"""The scenario a capture shows, made of its analysis document."""

import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import shown
from carpscope.sim.observed import implementation, scenario_toml
from carpscope.sim.scenario import parse

NODE: dict[str, object] = {
    "id": "10.0.0.1",
    "name": None,
    "addresses": ["10.0.0.1", "fe80::1"],
    "own_mac": "02:00:00:00:00:01",
    "implementation": {"name": "freebsd", "versions": "12-15", "profile": "freebsd14"},
    "advbase": 1,
    "advskew": 0,
    "authentication": {"status": "verified", "passphrase": 1, "addresses": ["10.0.0.100"]},
}
OTHER: dict[str, object] = {
    **NODE,
    "id": "10.0.0.2",
    "name": "fw2",
    "addresses": ["10.0.0.2"],
    "implementation": {"name": "ucarp", "versions": None, "profile": "ucarp"},
    "advskew": 255,
    "authentication": {"status": "unchecked", "passphrase": None, "addresses": []},
}
ANALYSIS: dict[str, object] = {
    "groups": [
        {
            "id": "vhid7",
            "vlan": [],
            "vhid": 7,
            "announced": ["10.0.0.100"],
            "nodes": [NODE, OTHER],
            "hears": [{"from": "10.0.0.1", "to": "10.0.0.2", "relation": "deaf"}],
        }
    ],
    "events": [{"label": "preemption"}],
}


def test_nodes_intervals_addresses_and_paths() -> None:
    scenario = parse(scenario_toml(ANALYSIS, None, "office.pcap"), "x")
    first, second = scenario.nodes
    assert (first.name, first.impl, first.preempt) == ("10.0.0.1", "freebsd14", True)
    assert (second.name, second.impl) == ("fw2", "ucarp")
    assert first.ip4 == bytes((10, 0, 0, 1))
    assert first.ll6[-1] == 1
    assert second.vhids[0].advskew == 254
    assert second.vhids[0].ipv4 == (bytes((10, 0, 0, 100)),)
    (cut,) = scenario.events
    assert (cut.type, cut.src, cut.dst) == ("path_down", ("10.0.0.1",), ("fw2",))


def test_who_refuses_another_gets_another_word() -> None:
    analysis = copy.deepcopy(ANALYSIS)
    group = analysis["groups"][0]  # type: ignore[index]
    for node in group["nodes"]:
        node["authentication"]["status"] = "unchecked"
    group["hears"] = [{"from": "10.0.0.1", "to": "10.0.0.2", "relation": "rejects"}]
    scenario = parse(scenario_toml(analysis, None, "x"), "x")
    words = {node.vhids[0].passphrase for node in scenario.nodes}
    assert len(words) == 2


def test_a_passphrase_is_never_written() -> None:
    text = scenario_toml(ANALYSIS, None, "x")
    assert set(re.findall(r'passphrase = "(.*)"', text)) == {"number 1", "as observed"}


@pytest.mark.parametrize(
    ("said", "profile"),
    [("freebsd14", "freebsd14"), ("openbsd", "openbsd"), ("another", "freebsd13")],
)
def test_implementations(said: str, profile: str) -> None:
    assert implementation({"name": "x", "versions": None, "profile": said})[0] == profile


def test_an_implementation_that_is_not_told() -> None:
    assert implementation({"name": None, "versions": None})[0] == "freebsd13"


def test_several_lans_need_a_choice() -> None:
    analysis = copy.deepcopy(ANALYSIS)
    groups = analysis["groups"]
    assert isinstance(groups, list)
    groups.append({**groups[0], "vlan": [10], "id": "vlan10/vhid7"})
    with pytest.raises(CarpscopeError, match="several LANs: choose one with --group"):
        scenario_toml(analysis, None, "x")
    assert parse(scenario_toml(analysis, "vlan10/vhid7", "x"), "x").nodes
    with pytest.raises(CarpscopeError, match="the capture has vhid7, vlan10/vhid7"):
        scenario_toml(analysis, "vhid9", "x")


def test_a_capture_without_carp() -> None:
    with pytest.raises(CarpscopeError, match="no CARP group"):
        scenario_toml({"groups": []}, None, "x")


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_name_survives(name: str, source: str) -> None:
    analysis = copy.deepcopy(ANALYSIS)
    analysis["groups"][0]["nodes"][0]["name"] = name  # type: ignore[index]
    text = scenario_toml(analysis, None, source)
    assert parse(text, "x").nodes[0].name == shown(name or "10.0.0.1")
