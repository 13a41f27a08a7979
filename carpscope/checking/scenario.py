"""A declared group as a scenario for the simulator, without any secret in it.

Equal keys have equal words that stand for them. What is not known is assumed for the best and
said: keys agree, nobody preempts. What does not arrive is a path that is cut.
"""

from carpscope.core.units import MICROSECOND, SECOND, Nanos
from carpscope.settings.cluster import DeclaredGroup, Member
from carpscope.settings.reach import BlockedPath, BlockReason
from carpscope.sim.network import DEFAULT_DELAY
from carpscope.sim.plan import NodePlan, Scenario, ScheduledEvent, VhidPlan
from carpscope.sim.scenario import DEFAULT_HZ, OTHER_HZ

_TICK = MICROSECOND * 370


def scenario(group: DeclaredGroup, cuts: list[BlockedPath]) -> tuple[Scenario, list[str]]:
    """Return the scenario of the members that come up, and what it assumes."""
    assumed: list[str] = []
    members = _distinct(group)
    words = _words(group, members, assumed)
    events: list[ScheduledEvent] = []
    nodes = []
    for index, member in enumerate(members):
        nodes.append(_plan(group, member, index, words[member.name], assumed))
        if member.node.demotion and member.node.profile != "ucarp":
            value = member.node.demotion
            events.append(ScheduledEvent(MICROSECOND, "demote", member.name, group.number, value))
        if not member.node.allows:
            events.append(ScheduledEvent(MICROSECOND, "allow", member.name, value=0))
    for cut in cuts:
        if cut.why is BlockReason.FILTER and cut.is_unicast:
            told = "rules that block unicast are taken to let it pass: rules are read, not states"
            if told not in assumed:
                assumed.append(told)
            continue
        events.append(
            ScheduledEvent(0, "path_down", src=(cut.sender.name,), dst=(cut.receiver.name,))
        )
    names = [plan.name for plan in nodes]
    delays = {(a, b): DEFAULT_DELAY for a in names for b in names if a != b}
    duration: Nanos = 60 * SECOND
    made = Scenario(
        group.id, "as the files declare it", 1, duration, tuple(nodes), delays, (), tuple(events)
    )
    return made, assumed


def _distinct(group: DeclaredGroup) -> list[Member]:
    found: dict[str, Member] = {}
    for member in group.up:
        found.setdefault(member.name, member)
    return list(found.values())


def _words(group: DeclaredGroup, members: list[Member], assumed: list[str]) -> dict[str, str]:
    """Give each key a word of its own; a key that is not known agrees with the others."""
    numbers: dict[bytes, str] = {}
    words: dict[str, str] = {}
    unknown = []
    for member in members:
        key = group.key(member)
        own = member.vhid.key
        if own is not None and own.varies:
            words[member.name] = f"varies {len(words)}"
        elif key is not None and key.octets is not None:
            secret = key.octets.rstrip(b"\0")
            words[member.name] = numbers.setdefault(secret, f"key #{len(numbers) + 1}")
        else:
            unknown.append(member.name)
    for name in unknown:
        words[name] = next(iter(numbers.values()), "key #1")
    if unknown:
        assumed.append("keys that are not known here agree")
    return words


def _plan(
    group: DeclaredGroup, member: Member, index: int, word: str, assumed: list[str]
) -> NodePlan:
    vhid = member.vhid
    impl = member.node.profile or "freebsd14"
    if member.is_ucarp:
        impl = "ucarp"
    if member.preempt is None:
        _assume(assumed, "nobody preempts where that is not known here")
    advbase, advskew = vhid.advbase, vhid.advskew
    if advbase is None or advskew is None:
        _assume(assumed, "an advbase and advskew that are not known here make a backup")
        known = [one.vhid.advbase for one in group.up if one.vhid.advbase is not None]
        skews = [one.vhid.advskew for one in group.up if one.vhid.advskew is not None]
        advbase = min(known, default=1) if advbase is None else advbase
        advskew = min(254, max(skews, default=-1) + 1) if advskew is None else advskew
    if vhid.dead_ratio != 3:
        _assume(assumed, "ucarp's dead ratio is taken for 3")
    signs = member.signs
    if vhid.unsure:
        sure = [one.signs for one in group.up if not one.vhid.unsure]
        signs = sure[0] if sure else signs
    addresses = sorted(signs, key=lambda one: (len(one), one))
    if vhid.unsure or not addresses:
        _assume(assumed, "shared addresses that are not known here agree")
    ipv4 = tuple(one for one in addresses if len(one) == 4)
    ipv6 = tuple(one for one in addresses if len(one) == 16)
    if not addresses:
        ipv4 = (bytes((192, 0, 2, 254)),)
    own = vhid.source or next((one for one in member.own if len(one) == 4), None)
    mac = b"\x02\x00\x00\x00\x00" + bytes((index + 1 & 0xFF,))
    hz = DEFAULT_HZ.get(impl, OTHER_HZ)
    return NodePlan(
        name=member.name,
        impl=impl,
        ip4=own or bytes((10, 0, 0, index + 1 & 0xFF)),
        ll6=b"\xfe\x80" + bytes(6) + b"\0\0\0\xff\xfe\0\0" + bytes((index + 1 & 0xFF,)),
        mac=mac,
        preempt=bool(member.preempt),
        hz=hz,
        first_tick_ns=index * _TICK % (SECOND // hz),
        clock_ppb=0,
        slack_ppb=0,
        is_buffered=member.is_ucarp,
        start=0,
        vhids=(
            VhidPlan(
                member.vhid.number or 1,
                advbase,
                advskew,
                word,
                ipv4,
                ipv6,
            ),
        ),
    )


def _assume(assumed: list[str], told: str) -> None:
    if told not in assumed:
        assumed.append(told)
