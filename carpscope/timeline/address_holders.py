"""Who holds the addresses of a group without advertising, as ARP and neighbour discovery show.

A node that announces and answers for an address with the virtual MAC is MASTER, whether or not
the capture holds its advertisements: a firewall may drop them on their way out, or it sends them
to a unicast peer elsewhere. Announcements and answers of a master whose advertisements are
captured are not kept here.
"""

from collections import deque
from collections.abc import Iterator

from carpscope.core.units import Nanos
from carpscope.core.values import dataclass, field
from carpscope.timeline.facts import Announced, Answered, Asked
from carpscope.timeline.node import FrameRef, Node
from carpscope.timeline.traits import is_ucarp
from carpscope.wire.carp import vhid_of_mac

HOLDINGS_KEPT = 64
FRAMES_KEPT = 24
UNANSWERED_MIN = 5
"""Requests in a row without an answer, after which an address counts as held no more: as many
as `address_unanswered` wants (docs/findings/CS512.md)."""


@dataclass(slots=True)
class Holding:
    """One host's time of holding addresses without advertising."""

    mac: bytes
    """The Ethernet source of what it sends; the MAC it names may be the virtual one."""
    start: Nanos
    end: Nanos
    """The last announcement or answer."""
    beside: Node | None
    """The master that advertised meanwhile, None where nobody did."""
    silence: int
    """A number that differs for each silence of the group and for each MASTER period in it."""
    addresses: dict[bytes, None] = field(default_factory=dict)
    frames: list[FrameRef] = field(default_factory=list)
    announced: int = 0
    answered: int = 0
    asked: int = 0
    """Requests since the last announcement or answer that nobody answered."""
    is_followed: bool = False
    """Whether another host has announced or answered for one of its addresses since."""
    is_new: bool = False
    """Whether it began with an announcement, as a new MASTER makes; answers alone may have been
    given all the time."""

    @property
    def is_over(self) -> bool:
        """Return whether so many requests were left unanswered that it no longer holds them."""
        return self.asked >= UNANSWERED_MIN

    def add(self, fact: Announced | Answered) -> None:
        """Take one more announcement or answer."""
        self.end, self.asked = fact.at, 0
        if len(self.addresses) < FRAMES_KEPT:
            self.addresses[fact.address] = None
        del self.frames[FRAMES_KEPT - 1 :]
        self.frames.append(fact.frame)
        if isinstance(fact, Announced):
            self.announced += 1
        else:
            self.answered += 1


@dataclass(slots=True)
class Holdings:
    """The latest holdings of one group, at most `HOLDINGS_KEPT`."""

    known: deque[Holding] = field(default_factory=lambda: deque(maxlen=HOLDINGS_KEPT))

    def see(self, fact: Announced | Answered, nodes: list[Node], *, is_shared: bool) -> None:
        """Take an announcement of, or an answer for, an address of this group.

        `is_shared` tells an address that nodes of the group are known to share.
        """
        sender = fact.sender or fact.mac
        for one in self.known:
            one.is_followed |= one.mac != sender and fact.address in one.addresses
        live = [node for node in nodes if node.is_master and node.due >= fact.at]
        if vhid_of_mac(sender) is not None:
            # the sender is every master; while none advertises, that is one
            if live:
                return
        elif any(node.own_mac in (None, sender) for node in live):
            return
        last = max(nodes, key=lambda node: node.last, default=None)
        if last is None:
            return
        if live and not any(node.own_mac == sender for node in nodes):
            return  # a proxy may answer beside a master; who was one itself is no proxy
        if vhid_of_mac(fact.mac) is None and not self._is_takeover(fact, last, is_shared):
            return
        silence = sum(len(node.master_periods) for node in nodes) * 2 + bool(live)
        latest = next((one for one in reversed(self.known) if one.mac == sender), None)
        if latest is None or latest.silence != silence or latest.is_over:
            beside = live[0] if live else None
            latest = Holding(sender, fact.at, fact.at, beside, silence)
            latest.is_new = isinstance(fact, Announced)
            self.known.append(latest)
        latest.add(fact)

    def _is_takeover(self, fact: Announced | Answered, last: Node, is_shared: bool) -> bool:
        """Return whether an announcement from a card's own MAC may be a ucarp becoming MASTER.

        Answers do not count: a killed ucarp leaves its address, and the host goes on answering.
        """
        if not is_ucarp(last) or not is_shared or last.own_mac in (None, fact.mac):
            return False
        again = any(one.mac == (fact.sender or fact.mac) for one in self.known)
        return isinstance(fact, Announced) or again

    def asked(self, fact: Asked) -> None:
        """Count an ARP or neighbour request; an answer that follows sets the count to 0."""
        for one in self.known:
            if fact.address in one.addresses and one.answered and not one.is_followed:
                one.asked += 1

    def unheld(self, start: Nanos, end: Nanos) -> Iterator[tuple[Nanos, Nanos, Holding | None]]:
        """Yield (start, end, holding) of each part of a silence in which nobody held an address.

        `holding` is the one that ended the part, or None for the last. A host that only answers
        may have done so before the first answer, so no part ends at it.
        """
        since = start
        for one in sorted(self.known, key=lambda one: one.start):
            if one.beside is not None or not start <= one.start <= end:
                continue
            if one.start > since and one.is_new:
                yield since, one.start, one
            since = max(since, one.end if one.is_over else end)
        if since < end:
            yield since, end, None
