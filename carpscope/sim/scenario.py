"""Reading a scenario: a trace or its `scenario` as JSON, or ten lines of TOML by hand.

    duration = 60
    vhid = 1
    passphrase = "secret"
    addresses = ["10.0.0.100"]

    [[nodes]]
    name = "fw1"
    impl = "openbsd"

    [[nodes]]
    name = "fw2"
    impl = "freebsd13"
    advskew = 100

    [[events]]
    t = 20
    type = "crash"
    node = "fw1"

What stands at the top (vhid, advbase, advskew, passphrase, addresses, preempt, impl)
holds for every node that does not say otherwise; docs/simulator.md lists the defaults.
A mistake is a CarpscopeError that names file, line and key.
"""

import json
from collections.abc import Callable
from pathlib import Path

from carpscope.core.errors import CarpscopeError
from carpscope.core.text import is_visible
from carpscope.core.toml import read_toml
from carpscope.core.units import MICROSECOND, SECOND, Nanos
from carpscope.protocol.profile import Drive, Peers, Presence, Profile, profiles
from carpscope.protocol.secret import PASSPHRASE_SIZE
from carpscope.sim.fields import ScenarioFile, Table
from carpscope.sim.plan import (
    Delay,
    NodePlan,
    Scenario,
    VantagePlan,
    VhidPlan,
)
from carpscope.sim.scenario_events import read_event

FILE_LIMIT = 32 << 20
"""Traces hold every advertisement of a run; a scenario of a person is a few lines."""
NODES_MAX = 255
"""Each may reach each: what a LAN costs grows with the square of its nodes."""
DURATION_MAX = 366 * 86400 * SECOND
DEFAULT_SEED = 1
DEFAULT_DURATION = 60
DEFAULT_DELAY_US = 100
TALK_MIN = SECOND // 10
DEFAULT_HZ: dict[str, int] = dict.fromkeys(
    ("freebsd9", "freebsd13", "pfsense", "freebsd140", "freebsd14", "freebsd15"), 1000
)
"""kern.hz of a machine of iron; everything else ticks 100 times a second."""
OTHER_HZ = 100
_HZ_MAX = 100_000


def load(path: Path) -> Scenario:
    """Read a scenario file; its name tells JSON from TOML."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(FILE_LIMIT + 1)
        if len(raw) > FILE_LIMIT:
            raise CarpscopeError(f"{path}: is larger than {FILE_LIMIT >> 20} MiB")
        text = raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "not text"
        raise CarpscopeError(f"{path}: {reason}") from None
    return parse(text, str(path))


def parse(text: str, name: str) -> Scenario:
    """Read a scenario from text; what begins with a brace is JSON."""
    if text.lstrip()[:1] != "{":
        return _scenario(Table(ScenarioFile(name, text), read_toml(text, name)))
    try:
        values = json.loads(text)
    except json.JSONDecodeError as problem:
        raise CarpscopeError(f"{name}:{problem.lineno}: {problem.msg}") from None
    except ValueError:  # what int() says, with all the digits
        raise CarpscopeError(f"{name}: holds a number that is too long") from None
    except RecursionError:
        raise CarpscopeError(f"{name}: is nested too deeply") from None
    return _scenario(_unwrapped(values, name))


def _unwrapped(values: object, name: str) -> Table:
    """Take the scenario out of a whole trace; what it says of results is ignored."""
    assert isinstance(values, dict)
    inner = values.get("scenario")
    if not isinstance(inner, dict):
        return Table(ScenarioFile(name), values)
    for key in ("name", "description", "duration"):
        if key in values:
            inner.setdefault(key, values[key])
    return Table(ScenarioFile(name), inner)


def _scenario(top: Table) -> Scenario:
    tables = top.tables("nodes")
    if not tables:
        top.wrong("nodes", "a scenario needs at least one node")
    if len(tables) > NODES_MAX:
        top.wrong("nodes", f"a scenario has {NODES_MAX} nodes at most, not {len(tables):,}")
    nodes: list[NodePlan] = []
    for index, table in enumerate(tables):
        nodes.append(_node(top, table, index))
        if not is_visible(nodes[-1].name):
            table.wrong("name", "must be text that can be seen")
        if nodes[-1].name in [node.name for node in nodes[:-1]]:
            table.wrong("name", f"there are two nodes {nodes[-1].name!r}")
    duration = top.nanos("duration", DEFAULT_DURATION * SECOND)
    if duration <= 0:
        top.wrong("duration", "must be more than 0")
    if duration > DURATION_MAX:
        top.wrong("duration", "must be a year at most")
    delays, loops = _lan(top, nodes)
    scenario = Scenario(
        name=top.text("name", Path(top.origin.name).stem),
        description=top.text("description", ""),
        seed=top.whole("seed", -(1 << 63), (1 << 64) - 1, DEFAULT_SEED),
        duration=duration,
        nodes=tuple(nodes),
        delays=delays,
        loops=loops,
        vantages=_vantages(top, nodes, duration),
        talk=_talk(top),
        events=tuple(
            read_event(table, {node.name: node for node in nodes}) for table in top.tables("events")
        ),
    )
    for table in (*tables, top):
        table.refuse_unknown()
    return scenario


def _node(top: Table, table: Table, index: int) -> NodePlan:
    known = profiles()
    name = table.text("name", f"node{index + 1}")
    impl = table.text("impl", top.text("impl", "freebsd13"))
    if impl not in known:
        table.wrong("impl", f"{impl!r} is not one of {', '.join(sorted(known))}")
    profile = known[impl]
    hz = table.whole("hz", 1, _HZ_MAX, DEFAULT_HZ.get(impl, OTHER_HZ))
    mac = table.mac("mac", b"\x02\x00\x00\x00\x00" + bytes((index + 1 & 0xFF,)))
    delivery = table.text("capture_delivery", "immediate")
    if delivery not in ("immediate", "block_1s"):
        table.wrong("capture_delivery", f"{delivery!r} is neither immediate nor block_1s")
    inner = table.tables("vhids")
    items = [_vhid((item, table, top), profile) for item in inner]
    for item in inner:
        item.refuse_unknown()
    items = items or [_vhid((table, top), profile)]
    table.get("aux_if")
    numbers = [item.vhid for item in items]
    if len(set(numbers)) != len(numbers):
        table.wrong("vhids", "a vhid can be configured only once on a node")
    # where in a tick its clock stands is a node's own; spread, but the same in every run
    tick_us = 1_000_000 / hz
    ip4 = table.address("ip4", 4) if table.has("ip4") else _own_address(items, index)
    return NodePlan(
        name=name,
        impl=impl,
        ip4=ip4,
        ll6=table.address("ll6", 16) if table.has("ll6") else _link_local(mac),
        mac=mac,
        preempt=table.flag("preempt", default=top.flag("preempt", default=False)),
        hz=hz,
        first_tick_ns=table.nanos(
            "first_tick_us", round((index * 0.37 + 0.11) % 1 * tick_us * 1000), MICROSECOND
        ),
        clock_ppb=round(table.number("clock_ppm", 0.0) * 1000),
        slack_ppb=round(table.number("callout_slack", 0.0) * 1_000_000_000),
        is_buffered=profile.drive is Drive.POLL_LOOP and delivery == "block_1s",
        start=table.nanos("start", 0),
        vhids=tuple(items),
    )


def _vhid(chain: tuple[Table, ...], profile: Profile) -> VhidPlan:
    """Read a vhid: its own keys, then its node's, then those of the whole scenario."""

    def holder(*keys: str) -> Table:
        for table in chain:
            for key in keys:
                table.get(key)
        return next((t for t in chain if any(t.has(key) for key in keys)), chain[0])

    advskew_max = 255 if profile.presence is Presence.PROCESS else 254
    at = holder("ipv4", "ipv6", "addresses")
    both = at.addresses("addresses", (4, 16))
    ipv4 = at.addresses("ipv4", (4,)) + tuple(a for a in both if len(a) == 4)
    ipv6 = at.addresses("ipv6", (16,)) + tuple(a for a in both if len(a) == 16)
    if not ipv4 and not ipv6:
        at.wrong("addresses", "a vhid needs at least one virtual address")
    if profile.presence is Presence.PROCESS and (len(ipv4) != 1 or ipv6):
        at.wrong("addresses", "ucarp takes exactly one IPv4 address")
    advbase = holder("advbase").whole("advbase", 0, 255, 1)
    advskew = holder("advskew").whole("advskew", 0, advskew_max, 0)
    if advbase == 0 and profile.presence is Presence.ADDRESSES:
        holder("advbase").wrong("advbase", f"{profile.title} takes 1 to 255")
    if advbase == 0 and profile.period(0, advskew) == 0:
        holder("advbase").wrong("advbase", f"{profile.title} would advertise without a pause")
    passphrase = holder("passphrase").text("passphrase", "")
    if profile.presence is Presence.PROCESS and len(passphrase.encode()) > PASSPHRASE_SIZE:
        holder("passphrase").wrong("passphrase", f"ucarp takes {PASSPHRASE_SIZE} bytes at most")
    return VhidPlan(
        vhid=holder("vhid").whole("vhid", 1, 255, 1),
        advbase=advbase,
        advskew=advskew,
        passphrase=passphrase,
        ipv4=ipv4,
        ipv6=ipv6,
        peer=_peer(holder, profile, _PEER_KEYS.get((profile.peers, profile.presence), ()), 4),
        peer6=_peer(holder, profile, ("peer6",) if profile.peers is Peers.BOTH else (), 16),
    )


_PEER_KEYS = {
    (Peers.BOTH, Presence.ADDRESSES): ("peer",),
    (Peers.IPV4, Presence.INTERFACE): ("carppeer", "peer"),
    (Peers.IPV4, Presence.PROCESS): ("mcastip",),
}
_ALL_PEER_KEYS = {4: ("peer", "carppeer", "mcastip"), 16: ("peer6",)}


def _peer(
    holder: Callable[..., Table], profile: Profile, keys: tuple[str, ...], size: int
) -> bytes:
    """Read where advertisements go instead of to the group, under the name it has there."""
    for key in _ALL_PEER_KEYS[size]:
        table = holder(key)
        if not table.has(key):
            continue
        if key not in keys:
            takes = f"takes {keys[0]}" if keys else "sends to the group only"
            table.wrong(key, f"{profile.title} {takes}")
        return table.address(key, size)
    return b""


def _own_address(items: list[VhidPlan], index: int) -> bytes:
    """Return an address beside the first virtual one: .1, .2, … of its network."""
    virtual = next((item.ipv4[0] for item in items if item.ipv4), b"\xc0\x00\x02\xfe")
    taken = {address[3] for item in items for address in item.ipv4}
    free = [last for last in range(1, 255) if last not in taken]
    return virtual[:3] + bytes((free[index % len(free)],))


def _link_local(mac: bytes) -> bytes:
    head = bytes((mac[0] ^ 2,)) + mac[1:3]
    return b"\xfe\x80" + bytes(6) + head + b"\xff\xfe" + mac[3:]


def _lan(top: Table, nodes: list[NodePlan]) -> tuple[dict[tuple[str, str], Delay], tuple[str, ...]]:
    lan = top.table("lan")
    least = lan.nanos("delay_us", DEFAULT_DELAY_US * MICROSECOND, MICROSECOND)
    jitter = lan.nanos("jitter_us", 0, MICROSECOND)
    if least < 0 or jitter < 0:
        lan.wrong("delay_us", "a delay cannot be negative")
    names = [node.name for node in nodes]
    usual = Delay(least, jitter, _share(lan, "duplicate", 0.0), lan.flag("reorder", default=False))
    delays = {(a, b): usual for a in names for b in names if a != b}
    for item in lan.tables("delays"):
        pair = (item.text("src"), item.text("dst"))
        for key, name in zip(("src", "dst"), pair, strict=True):
            if name not in names:
                item.wrong(key, f"there is no node {name!r}")
        delays[pair] = Delay(
            item.nanos("delay_us", least, MICROSECOND),
            item.nanos("jitter_us", jitter, MICROSECOND),
            _share(item, "duplicate", usual.duplicate),
            item.flag("reorder", default=usual.reorders),
        )
        item.refuse_unknown()
    loops = lan.names("loops") if lan.has("loops") else ()
    for name in loops:
        if name not in names:
            lan.wrong("loops", f"there is no node {name!r}")
    lan.get("loops")
    lan.refuse_unknown()
    return delays, loops


def _share(table: Table, key: str, default: float) -> float:
    value = table.number(key, default)
    if not 0 <= value <= 1:
        table.wrong(key, f"{value} is not 0 to 1")
    return value


def _vantage(table: Table, nodes: list[NodePlan], duration: Nanos) -> VantagePlan:
    node = table.text("node")
    if node not in [plan.name for plan in nodes]:
        table.wrong("node", f"there is no node {node!r}")
    name = table.text("name", node)
    if not name.replace("-", "").replace("_", "").isalnum():
        table.wrong("name", "is a part of a file's name: letters, digits, - and _")
    steps = tuple((item.nanos("t"), item.nanos("by")) for item in table.tables("steps"))
    plan = VantagePlan(
        name=name,
        node=node,
        offset=table.nanos("clock_s", 0),
        drift_ppb=round(table.number("clock_ppm", 0.0) * 1000),
        steps=steps,
        drops=_share(table, "drops", 0.0),
        start=table.nanos("start", 0),
        end=table.nanos("end", duration),
    )
    if plan.start >= plan.end:
        table.wrong("end", "must be later than its start")
    table.refuse_unknown()
    return plan


def _talk(top: Table) -> Nanos:
    talk = top.nanos("talk", 0)
    if 0 != talk < TALK_MIN:
        top.wrong("talk", "must be 0 or a tenth of a second at least")
    return talk


def _vantages(top: Table, nodes: list[NodePlan], duration: Nanos) -> tuple[VantagePlan, ...]:
    tables = top.tables("vantages")
    found = [_vantage(table, nodes, duration) for table in tables]
    for index, table in enumerate(tables):
        if found[index].name in [plan.name for plan in found[:index]]:
            table.wrong("name", f"there are two vantages {found[index].name!r}")
    return tuple(found)


__all__ = ["load", "parse"]
