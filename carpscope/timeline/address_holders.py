"""Who holds the addresses of a group without advertising, as ARP and neighbour discovery show.

A node that announces and answers for an address with the virtual MAC is MASTER, whether or not
its advertisements come by: a firewall may drop them on their way out, a unicast peer may be
the node itself. What a master that does advertise announces and answers is not kept here.
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
    """Which of the group's silences, or times of one master, it lies in."""
    addresses: dict[bytes, None] = field(default_factory=dict)
    frames: list[FrameRef] = field(default_factory=list)
    announced: int = 0
    answered: int = 0
    asked: int = 0
    """Requests since then that nobody answered."""
    is_followed: bool = False
    """Whether somebody else has served an address of it since."""
    is_new: bool = False
    """Whether it began with an announcement: a MASTER answers without one all the time."""

    @property
    def is_over(self) -> bool:
        """Tell whether requests show that it holds nothing any more."""
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
    """Those of one group, the latest."""

    known: deque[Holding] = field(default_factory=lambda: deque(maxlen=HOLDINGS_KEPT))

    def see(self, fact: Announced | Answered, nodes: list[Node], *, is_shared: bool) -> None:
        """Take an announcement or answer that is this group's.

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
        """Tell whether a card's own MAC may be that of a ucarp that became MASTER: it announces.

        Who was killed goes on answering, and is no MASTER.
        """
        if not is_ucarp(last) or not is_shared or last.own_mac in (None, fact.mac):
            return False
        again = any(one.mac == (fact.sender or fact.mac) for one in self.known)
        return isinstance(fact, Announced) or again

    def asked(self, fact: Asked) -> None:
        """Take a request; what follows shows whether it is answered."""
        for one in self.known:
            if fact.address in one.addresses and one.answered and not one.is_followed:
                one.asked += 1

    def unheld(self, start: Nanos, end: Nanos) -> Iterator[tuple[Nanos, Nanos, Holding | None]]:
        """Give the parts of a silence in which nobody held an address, and who ended each.

        Who only answers may have done so all the time: nothing is said of the time before.
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
