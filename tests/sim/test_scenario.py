"""Scenarios as people write them: what is filled in, and how mistakes are told."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.core.errors import CarpscopeError
from carpscope.core.units import MICROSECOND, SECOND
from carpscope.sim.document import scenario_json
from carpscope.sim.scenario import load, parse
from tests.sim.conform import TRACES

GOOD = """\
duration = 60
vhid = 7
addresses = ["10.0.0.100", "2001:db8::64"]
passphrase = "secret"

[[nodes]]
name = "fw1"
impl = "openbsd"

[[nodes]]
name = "fw2"
impl = "freebsd13"
advskew = 100
preempt = true

[[events]]
t = 20
type = "crash"
node = "fw1"
"""


def test_ten_lines_are_enough() -> None:
    scenario = parse(GOOD, "office.toml")
    first, second = scenario.nodes
    assert (first.impl, first.hz, first.preempt, first.vhids[0].advskew) == (
        "openbsd",
        100,
        False,
        0,
    )
    assert (second.impl, second.hz, second.preempt) == ("freebsd13", 1000, True)
    assert second.vhids[0].vhid == 7
    assert second.vhids[0].ipv4 == (bytes((10, 0, 0, 100)),)
    assert len(second.vhids[0].ipv6) == 1
    assert (first.ip4, second.ip4) == (bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
    assert first.mac != second.mac
    assert first.ll6 != second.ll6
    assert scenario.delays["fw1", "fw2"].least == 100 * MICROSECOND
    assert scenario.events[0].at == 20 * SECOND


def test_one_own_value_beats_the_group() -> None:
    scenario = parse(GOOD.replace("advskew = 100", 'advskew = 100\naddresses = "10.0.0.9"'), "x")
    assert scenario.nodes[1].vhids[0].ipv4 == (bytes((10, 0, 0, 9)),)
    assert scenario.nodes[1].vhids[0].ipv6 == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("advskew = 100", "advskew = 300", "office.toml:13: nodes[1].advskew: 300 is not 0 to 254"),
        ("advskew = 100", 'advskew = "x"', "office.toml:13: nodes[1].advskew: 'x' is not a whole"),
        ("advskew = 100", "advskw = 100", "office.toml:13: nodes[1].advskw: no such key"),
        ('"freebsd13"', '"windows"', "office.toml:12: nodes[1].impl: 'windows' is not one of"),
        (
            'name = "fw2"',
            'name = "fw1"',
            "office.toml:11: nodes[1].name: there are two nodes 'fw1'",
        ),
        ('node = "fw1"', 'node = "fw3"', "office.toml:19: events[0].node: there is no node 'fw3'"),
        ('"crash"', '"explode"', "office.toml:18: events[0].type: 'explode' is not one of"),
        ('"crash"', '"carp_down"\nvhid = 9', "events[0].vhid: fw1 has no vhid 9"),
        ("t = 20\n", "", "office.toml:16: events[0].t: missing"),
        ("10.0.0.100", "10.0.0.1000", "office.toml:3: addresses: '10.0.0.1000' is not an IPv4"),
        ("duration = 60", "duration = 0", "office.toml:1: duration: must be more than 0"),
        (
            "preempt = true",
            "preempt = 1",
            "office.toml:14: nodes[1].preempt: 1 is not true or false",
        ),
        ("vhid = 7", "vhid = 0", "office.toml:2: vhid: 0 is not 1 to 255"),
        ("vhid = 7", "vhid == 7", "office.toml:2: "),
        ("openbsd", "ucarp", "ucarp takes exactly one IPv4 address"),
        ("advskew = 100", "advbase = 0", "nodes[1].advbase: FreeBSD 10 to 13 takes 1 to 255"),
    ],
)
def test_mistakes_say_file_line_and_key(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(CarpscopeError) as caught:
        parse(GOOD.replace(old, new), "office.toml")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "node", "said"),
    [
        ("carp_down", "fw2", "has no carp interface to set up or down"),
        ("sigusr2", "fw2", "is a kernel and takes no signals"),
    ],
)
def test_what_an_implementation_cannot_do_is_refused(kind: str, node: str, said: str) -> None:
    text = GOOD.replace('"crash"', f'"{kind}"').replace('node = "fw1"', f'node = "{node}"')
    with pytest.raises(CarpscopeError, match=said):
        parse(text, "office.toml")


def test_lines_of_nested_tables_are_found() -> None:
    text = """\
[[nodes]]
name = "a"

[[nodes.vhids]]
vhid = 1
addresses = "10.0.0.1"

[[nodes.vhids]]
vhid = 2
advskew = -1
addresses = "10.0.0.2"
"""
    with pytest.raises(CarpscopeError, match=r"x:10: nodes\[0\]\.vhids\[1\]\.advskew: -1"):
        parse(text, "x")


def test_a_trace_read_and_written_is_the_same_scenario() -> None:
    for path in sorted(TRACES.glob("*.json"))[::5]:
        scenario = load(path)
        again = parse(json.dumps({"scenario": scenario_json(scenario, scenario.seed)}), path.name)
        assert again.nodes == scenario.nodes
        assert again.delays == scenario.delays
        assert again.events == scenario.events


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CarpscopeError, match="No such file"):
        load(tmp_path / "none.toml")


def test_json_mistakes_have_a_line() -> None:
    with pytest.raises(CarpscopeError, match=r"x\.json:2: "):
        parse('{\n"nodes": ]}', "x.json")


@given(st.text(max_size=300))
def test_any_text_is_a_scenario_or_a_mistake(text: str) -> None:
    assert _nodes_or_place(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    st.sampled_from(("nodes", "events", "lan", "duration", "seed", "addresses", "vhid")),
    _JSON,
)
def test_any_value_in_any_place_is_a_scenario_or_a_mistake(key: str, value: object) -> None:
    scenario: dict[str, object] = {
        "nodes": [{"name": "a", "addresses": ["10.0.0.1"]}, {"name": "b", "addresses": "::1"}]
    }
    scenario[key] = value
    assert _nodes_or_place(json.dumps(scenario))


def _nodes_or_place(text: str) -> bool:
    """Tell whether a text makes a world with nodes, or a mistake that names the file."""
    try:
        return bool(parse(text, "x").nodes)
    except CarpscopeError as problem:
        return str(problem).startswith("x:")


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("vhid", "nodes[1].vhids[0].peeer: no such key"),
        ("node", "nodes[1].peeer: no such key"),
        ("top", "peeer: no such key"),
        ("lan", "lan.peeer: no such key"),
        ("delay", "lan.delays[0].peeer: no such key"),
        ("event", "events[0].peeer: no such key of 'crash'"),
    ],
)
def test_an_unknown_key_is_named_in_json_as_in_toml(place: str, said: str) -> None:
    vhid: dict[str, object] = {"vhid": 7, "ipv4": ["10.0.0.100"]}
    node: dict[str, object] = {"name": "b", "vhids": [vhid]}
    delay: dict[str, object] = {"src": "a", "dst": "b", "delay_us": 5}
    lan: dict[str, object] = {"delays": [delay]}
    event: dict[str, object] = {"t": 1, "type": "crash", "node": "b"}
    top: dict[str, object] = {
        "addresses": ["10.0.0.100"],
        "nodes": [{"name": "a"}, node],
        "lan": lan,
        "events": [event],
    }
    parse(json.dumps(top), "office.json")
    tables = {
        "vhid": vhid, "node": node, "top": top, "lan": lan, "delay": delay, "event": event,
    }  # fmt: skip
    tables[place]["peeer"] = "10.0.0.2"
    for text in (json.dumps(top), json.dumps({"scenario": top, "transitions": []})):
        with pytest.raises(CarpscopeError) as caught:
            parse(text, "office.json")
        assert str(caught.value) == f"office.json: {said}"
