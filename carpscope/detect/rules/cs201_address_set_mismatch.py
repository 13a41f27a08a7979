"""The nodes of a group sign different address sets.

What it means
    The HMAC of an advertisement covers the addresses of the vhid. A node that has one more,
    one less or another one refuses everything the others send, and they refuse it: each of
    them becomes MASTER.

How it is seen
    Every node's HMAC is explained by a search over the addresses supplied and those learned
    from ARP and neighbour discovery. Two nodes that advertise at the same time under the
    same passphrase, over different sets, disagree.

    How each system chooses and orders what it signs:
    - FreeBSD 7 and later, NetBSD, OpenBSD: IPv4 ascending, then IPv6 ascending, each once
    - NetBSD and FreeBSD 9 and older: with the carp interface's own link-local address
      fe80::200:5eff:fe00:1XX, XX being the vhid, where IPv6 is on
    - OpenBSD: sends without link-local addresses and accepts with and without its own; a
      link-layer address set by hand stands before the vhid
    - FreeBSD 5.4 and 6.0: in the order of configuration
    - DragonFly: IPv4 ascending, twice what is configured twice; IPv6 as configured
    - ucarp: one IPv4 address

False alarms
    While an address is being added node by node this is a passing state; look at its end.
    Beside OpenBSD, link-local addresses make only one direction fail.

What to do
    Give every node the same addresses in this vhid, aliases included. Change the backup
    first. Prefix lengths do not matter.

Sources
    carp_hmac_prepare in FreeBSD, OpenBSD, NetBSD and DragonFly ip_carp.c.
"""

from collections.abc import Iterator, Set
from typing import NamedTuple

from carpscope.auth.recipes import Recipe
from carpscope.auth.typing_mistakes import slips
from carpscope.core.address import ip_text, mac_text
from carpscope.detect import commands
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Rule
from carpscope.detect.signing import (
    HalfDone,
    SignedWatch,
    address_differences,
    ended,
    half_done,
    in_words,
    make,
    odd_one,
    people,
    share_addresses,
    signed_by,
    unsupplied,
)
from carpscope.detect.words import addresses, listed
from carpscope.timeline import traits
from carpscope.timeline.identify import identify
from carpscope.timeline.mastership import is_master
from carpscope.timeline.node import Node
from carpscope.timeline.signing import Difference, Disagreement, only_link_local


class Slip(NamedTuple):
    """An address that was mistyped."""

    node: Node
    wrong: bytes
    right: bytes


class AddressSets(SignedWatch):
    """Finds nodes of one passphrase with different sets."""

    def concerns(self, disagreement: Disagreement) -> bool:
        """Tell whether the addresses differ (alone, or with the passphrase)."""
        if disagreement.ucarp is not None:
            return False
        if disagreement.difference is Difference.BOTH:
            return share_addresses(disagreement)
        return disagreement.difference is Difference.ADDRESSES

    def finding(self, found: list[Disagreement]) -> Finding:
        """Name what each node lacks."""
        first = found[0]
        a, b = first.recipe_one, first.recipe_other
        assert a is not None
        assert b is not None
        name = (RULE.code, RULE.label, RULE.severity)
        if all(_link_local_only(d) for d in found):
            return make(found, name, *_link_local(first, a, b))
        if all(_link_layer_only(d) for d in found):
            return make(found, name, *_link_layer(first, a, b))
        if len({frozenset(chosen) for chosen in signed_by(found).values()}) == 1:
            return make(found, name, *_order(found))
        signed = signed_by(found)
        half = half_done(found)
        if half is not None and half.now is not None:
            return make(
                found,
                name,
                _still(half, half.now, signed),
                address_differences(found) + unsupplied(found),
                _finish(half, half.now, signed, ended(found, self._context.observer.now)),
            )
        mistyped = list(self._slips(found))
        summary = listed(f"{node} signs {addresses(chosen)}" for node, chosen in signed.items())
        return make(
            found,
            name,
            f"{summary}; each refuses the other"
            if len(signed) == 2
            else f"{summary}; they refuse each other",
            address_differences(found) + unsupplied(found) + _look_alike(mistyped),
            _correct(mistyped, found[0].group.vhid) or _remedy(found, signed),
        )

    def _slips(self, found: list[Disagreement]) -> Iterator[Slip]:
        """Give addresses that one node signs in the place of another, a typo apart.

        Only what is supplied is known to be right.
        """
        supplied = set(self._context.observer.addresses)
        for d in found:
            (one, a), (other, b) = d.sides
            assert a is not None
            assert b is not None
            for node, mine, theirs in ((one, a, b), (other, b, a)):
                for wrong in mine.address_set - theirs.address_set - supplied:
                    near = set(slips(wrong)) & (theirs.address_set - mine.address_set) & supplied
                    if len(near) == 1:
                        yield Slip(node, wrong, near.pop())


def _look_alike(found: list[Slip]) -> str:
    told = dict.fromkeys(
        f" {ip_text(slip.wrong)} is probably a typo for {ip_text(slip.right)}." for slip in found
    )
    return "".join(told)


def _correct(found: list[Slip], vhid: int) -> str:
    """Say how to put right what was mistyped."""
    steps = []
    for slip in found:
        command = commands.to_add(slip.node, vhid, slip.right)
        if not traits.is_ucarp(slip.node):
            command = f"{commands.to_remove(slip.node, slip.wrong)} && {command}"
        told = f"{ip_text(slip.wrong)} to {ip_text(slip.right)} on {slip.node.id}: {command}"
        steps.append(told)
    return f"Correct {'; '.join(dict.fromkeys(steps))}." if steps else ""


def _still(half: HalfDone, now: Recipe, signed: dict[str, tuple[bytes, ...]]) -> str:
    stays = listed(f"{node.id} still signs {addresses(signed[node.id])}" for node in half.others)
    return (
        f"{half.changed.id} now signs {addresses(now.addresses)}, {stays}; each refuses the other"
    )


def _finish(half: HalfDone, now: Recipe, signed: dict[str, tuple[bytes, ...]], unless: str) -> str:
    """Say how to finish a change, or how to take it back: the packets do not say which is meant.

    No way that takes an address from the only node that serves it is among them.
    """
    changed, vhid = half.changed, now.vhid
    nodes = {node.id: node for node in (changed, *half.others)}
    on = _Ways(nodes, signed | {changed.id: now.addresses}, vhid)
    before = {address for node in half.others for address in signed[node.id]}
    forward = [step for node in half.others for step in on.steps(node, now.address_set)]
    lost = [pair for node in half.others for pair in on.lost(node, now.address_set)]
    back, gone = on.steps(changed, before), on.lost(changed, before)
    when = f", {unless}, " if unless else " "
    finish = f"Finish the change{when}on {'; '.join(forward)}"
    undo = f"take it back on {'; '.join(back)}"
    if lost and not gone:
        alone = listed(f"{address} is served by {name} alone" for name, address in lost)
        return (
            f"{undo[0].upper()}{undo[1:]}; or take the rest of the vhid off {changed.id} as well. "
            f"{alone}: it has to stay there."
        )
    if gone and not lost:
        return f"{finish}."
    return f"{finish}; or {undo}. The packets do not say which is meant."


class _Ways:
    """What makes a node sign other addresses, and which of these ways would hurt."""

    def __init__(
        self, nodes: dict[str, Node], signed: dict[str, tuple[bytes, ...]], vhid: int
    ) -> None:
        self.nodes, self.signed, self.vhid = nodes, signed, vhid

    def steps(self, node: Node, wanted: Set[bytes]) -> list[str]:
        """Give the commands, each with its node."""
        mine = set(self.signed[node.id])
        old = [] if traits.is_ucarp(node) else in_words(mine - wanted)
        return [
            *(f"{node.id}: {commands.to_remove(node, address)}" for address in old),
            *(
                f"{node.id}: {commands.to_add(node, self.vhid, address)}"
                for address in in_words(wanted - mine)
            ),
        ]

    def lost(self, node: Node, wanted: Set[bytes]) -> list[tuple[str, str]]:
        """Give the node and each address that nobody would serve any more."""
        old = in_words(set(self.signed[node.id]) - wanted)
        return [(node.id, ip_text(one)) for one in old if self.serves_alone(node, one)]

    def serves_alone(self, node: Node, address: bytes) -> bool:
        """Tell whether a node is MASTER with an address, and no other one is."""
        others = (
            is_master(other) and address in self.signed.get(name, ())
            for name, other in self.nodes.items()
            if other is not node
        )
        return is_master(node) and not any(others)


def _remedy(found: list[Disagreement], signed: dict[str, tuple[bytes, ...]]) -> str:
    """Say what to type where: add, or take away where somebody else still serves it."""
    vhid = found[0].group.vhid
    nodes = {node.id: node for node in people(found)}
    if all(traits.is_ucarp(node) for node in nodes.values()):
        choices = " or ".join(dict.fromkeys(addresses(chosen) for chosen in signed.values()))
        return (
            f"Decide which is right, {choices}, and start every ucarp of vhid {vhid} with it: "
            "ucarp --addr=…"
        )
    on = _Ways(nodes, signed, vhid)
    odd = odd_one(found)
    union = {address for chosen in signed.values() for address in chosen}
    common = set.intersection(*(set(chosen) for chosen in signed.values()))
    if odd is not None:
        others = next(set(chosen) for name, chosen in signed.items() if name != odd.id)
        if not on.lost(odd, others):
            union, common = others, others
        else:
            odd = None  # it alone serves something: that has to be kept
    add = [
        f"add {ip_text(address)} on {name}: {commands.to_add(nodes[name], vhid, address)}"
        for name, chosen in signed.items()
        for address in in_words(union - set(chosen))
    ]
    remove = [
        f"remove {ip_text(address)} on {name}: {commands.to_remove(nodes[name], address)}"
        for name, chosen in signed.items()
        if not traits.is_ucarp(nodes[name])
        for address in in_words(set(chosen) - common)
    ]
    if odd is not None:
        return f"Make {odd.id} like the others: {'; '.join([*add, *remove])}."
    text = f"Give all nodes the same addresses: {'; '.join(add)}"
    kept = [one for name in signed for one in on.lost(nodes[name], common)]
    if kept:
        served = listed(f"{address} by {name}" for name, address in kept)
        return f"{text}. To remove instead would leave addresses that nobody serves: {served}."
    return f"{text}. Or else {'; '.join(remove)}." if remove else f"{text}."


def _link_local_only(d: Disagreement) -> bool:
    a, b = d.recipe_one, d.recipe_other
    return a is not None and b is not None and only_link_local(a, b)


def _link_local(d: Disagreement, a: Recipe, b: Recipe) -> tuple[str, str, str]:
    """Explain A3: one direction of authentication fails, or both, over fe80::/10."""
    more, less = (d.one, d.other) if len(a.addresses) > len(b.addresses) else (d.other, d.one)
    extra = in_words(a.address_set ^ b.address_set)
    told = addresses(extra)
    openbsd = identify(less).name == "openbsd"
    one_way = openbsd and len(extra) == 1
    summary = f"{more.id} signs {told} as well, {less.id} does not: " + (
        f"{more.id} refuses {less.id}, though {less.id} accepts {more.id}"
        if one_way
        else "each refuses the other"
    )
    explanation = (
        f"{told} {'is a' if len(extra) == 1 else 'are'} link-local "
        f"address{'' if len(extra) == 1 else 'es'}; the rest is the same on both. "
    )
    if openbsd:
        explanation += (
            "OpenBSD never signs link-local addresses and accepts what is signed with its own. "
            f"While {less.id} is the worse one it stays BACKUP and all looks well; once it is "
            f"MASTER, {more.id} does not give way to it."
        )
    else:
        explanation += (
            "NetBSD and FreeBSD 9 and older sign the link-local address that a carp interface "
            "gives itself; FreeBSD 10 and later sign one only if it is a shared address."
        )
    remedy = (
        f"Take {told} off the carp interface of {more.id}: "
        f"{listed(commands.to_remove(more, address) for address in extra)}. Or use one vhid "
        "for IPv4 and another for IPv6."
    )
    return summary, explanation, remedy


def _link_layer_only(d: Disagreement) -> bool:
    a, b = d.recipe_one, d.recipe_other
    return a is not None and b is not None and a.addresses == b.addresses and a.lladdr != b.lladdr


def _link_layer(d: Disagreement, a: Recipe, b: Recipe) -> tuple[str, str, str]:
    """Explain A8: OpenBSD signs a link-layer address that was set by hand."""
    told = [
        f"{node.id} signs the link-layer address {mac_text(recipe.lladdr)}"
        for node, recipe in ((d.one, a), (d.other, b))
        if recipe.lladdr
    ]
    virtual = f"00:00:5e:00:01:{d.group.vhid:02x}"
    return (
        f"{listed(told)}; the other does not, and each refuses the other",
        (
            "OpenBSD puts a link-layer address that was set by hand before the vhid. The shared "
            "addresses are the same."
        ),
        f"Set the virtual MAC again: ifconfig carpN lladdr {virtual}.",
    )


def _order(found: list[Disagreement]) -> tuple[str, str, str]:
    """Explain A2: the same addresses in another order."""
    rules: dict[str, tuple[Node, Recipe]] = {}
    for d in found:
        for node, recipe in d.sides:
            if recipe is not None:
                rules[node.id] = node, recipe
    told = listed(f"{name} in the order {recipe.rule}" for name, (_, recipe) in rules.items())
    return (
        f"{listed(rules)} sign the same addresses in different orders; each refuses the other",
        f"{told}. {address_differences(found)}",
        (
            "Configure the addresses in ascending order on the node that does not sort them "
            "(FreeBSD 5 and 6.0, DragonFly), or upgrade it."
        ),
    )


RULE = Rule(
    "CS201",
    "address_set_mismatch",
    "Address sets differ",
    Severity.ERROR,
    AddressSets,
    plain="{who} are set up with different lists of shared addresses",
)
