"""Nodes of a group do not send to each other: unicast here and multicast there, or a wrong peer.

What it means
    With a peer a node sends its advertisements to that address only. Who is not it hears
    nothing, or hears something only while multicast passes, which is why a peer was wanted.

How it is seen
    Each member's peer, after all calls of ifconfig: on FreeBSD 14 and later each call that
    names the vhid and no peer sets it back to the group. A peer must be an address of another
    member, and not the node's own.

False alarms
    A peer that is an address of the other node on another interface, which is not in the files.

What to do
    Name the other node's address as peer on both nodes, in every line that names the vhid.

Sources
    FreeBSD sbin/ifconfig/carp.c, carp_ctor() and setcarp_callback(); ip_carp.c of 14 (a peer
    whose last octet is 224 to 239 gets a multicast MAC); OpenBSD carppeer; OPNsense
    interfaces.inc.
"""

from collections.abc import Iterator

from carpscope.core.address import ip_text
from carpscope.detect.configured import DeclaredContext, SettledFinding, page, settled
from carpscope.detect.finding import Severity
from carpscope.detect.rule import Rule
from carpscope.detect.words import listed
from carpscope.settings.cluster import DeclaredGroup, Member
from carpscope.settings.model import Where
from carpscope.settings.reach import has_mac_bug, misses


def examine(settings: DeclaredContext) -> Iterator[SettledFinding]:
    """Look at every group in which somebody names a peer."""
    for group in settings.cluster.groups:
        told: list[str] = []
        guilty: list[Member] = []
        size = 4
        for size in (4, 16):
            _examine_family(group, size, told, guilty)
            if told:
                break
        if not told:
            continue
        proof = settings.proof(group)
        works = proof is not None and len(proof.masters) == 1
        names = dict.fromkeys(one.name for one in group.up)
        where = [place for one in guilty for place in (*_places(one, size), one.vhid.at)]
        yield settled(
            RULE.code,
            RULE.label,
            Severity.WARNING if works else Severity.ERROR,
            group.id,
            names,
            where,
            f"{group.id}: {told[0]}",
            f"{'; '.join(dict.fromkeys(told))}."
            + (" It works only while multicast passes as well." if works else ""),
            _remedy(group, guilty, size),
        )


def _examine_family(group: DeclaredGroup, size: int, told: list[str], guilty: list[Member]) -> None:
    """Compare the members whose shared addresses are of one family."""
    members = [one for one in group.up if one.vhid.unsure or size in {len(a) for a in one.signs}]
    for member in members:
        for text in _wrong(group, member, size):
            told.append(text)
            guilty.append(member)
    unicast = [one for one in members if size in one.vhid.peers]
    multicast = [one for one in members if size not in one.vhid.peers]
    if unicast and multicast:
        one, other = (listed(dict.fromkeys(m.name for m in s)) for s in (unicast, multicast))
        told.append(f"{one} sends to a peer, {other} to the group")
        guilty += multicast


def _places(member: Member, size: int) -> Iterator[Where]:
    """Give the lines that decide on a peer."""
    reset, peer = member.vhid.peer_resets.get(size), member.vhid.peers.get(size)
    if reset is not None:
        yield reset
    if peer is not None:
        yield peer.where


def _wrong(group: DeclaredGroup, member: Member, size: int) -> Iterator[str]:
    name = member.name
    reset = member.vhid.peer_resets.get(size)
    if reset is not None:
        yield (
            f"{name} loses its peer: the call of {reset} does not name it, so it goes "
            "back to the group"
        )
    peer = member.vhid.peers.get(size)
    if peer is None:
        return
    text = ip_text(peer.address)
    others = [one for one in group.members if one.name != name]
    known = [address for one in others for address in one.own]
    if peer.address in member.own:
        yield f"the peer {text} of {name} is its own address"
    elif misses(peer.address, known):
        yield f"the peer {text} of {name} is no address of another node of the group"
    elif has_mac_bug(member, peer):
        yield f"FreeBSD 14 sends to the peer {text} of {name} with a multicast MAC"


def _remedy(group: DeclaredGroup, guilty: list[Member], size: int) -> str:
    steps = []
    for member in dict.fromkeys(one.name for one in guilty):
        one = next(m for m in guilty if m.name == member)
        others = [o for o in group.members if o.name != one.name and o.own]
        peer = next((ip_text(a) for o in others for a in o.own if len(a) == size), "ADDRESS")
        place = next(_places(one, size), one.vhid.at)
        word = "peer" if size == 4 else "peer6"
        word = "carppeer" if one.node.profile.startswith("openbsd") else word
        if one.node.gui:
            steps.append(f"{page(one.node)}: peer {peer} ({place})")
        else:
            steps.append(f"in {place.path}, line {place.line}: {word} {peer}")
    return f"Name the other node as the peer on every node and in every line: {'; '.join(steps)}."


RULE = Rule(
    "CS605",
    "peer_mismatch",
    "Nodes of a group do not send to each other",
    Severity.ERROR,
    examine=examine,
)
