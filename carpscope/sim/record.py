"""What a world writes down while it runs: the parts of a simulation document."""

from typing import NamedTuple

from carpscope.core.units import Nanos
from carpscope.protocol.events import Announce, ReceivedAdvert, State


class StateChanged(NamedTuple):
    """A state change."""

    at: Nanos
    node: str
    vhid: int
    old: State
    new: State
    reason: str


class AdvertSent(NamedTuple):
    """An advertisement; `attacker` is set where nobody of the group sent it."""

    at: Nanos
    node: str
    packet: ReceivedAdvert
    attacker: int | None


class AnnouncementSent(NamedTuple):
    """A gratuitous ARP or an unsolicited neighbour advertisement."""

    node: str
    announce: Announce


class AdvertRefused(NamedTuple):
    """An advertisement that a node refused."""

    at: Nanos
    node: str
    vhid: int
    reason: str
    source: str | None


class Lost(NamedTuple):
    """An advertisement that the LAN did not deliver."""

    at: Nanos
    source: str
    destination: str
    vhid: int


class AdvertArrived(NamedTuple):
    """An advertisement that came to a node's card."""

    at: Nanos
    node: str
    sent: Nanos
    source: str
    packet: ReceivedAdvert


class RunRecord:
    """All of it, each list in the order of time in which it came about."""

    __slots__ = ("announced", "arrived", "changed", "lost", "refused", "sent")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.changed: list[StateChanged] = []
        self.sent: list[AdvertSent] = []
        self.announced: list[AnnouncementSent] = []
        self.refused: list[AdvertRefused] = []
        self.lost: list[Lost] = []
        self.arrived: list[AdvertArrived] = []

    @property
    def size(self) -> int:
        """Return how many entries there are."""
        sent = len(self.sent) + len(self.announced) + len(self.lost)
        return sent + len(self.changed) + len(self.refused)

    def forget(self, node: str, after: Nanos) -> list[ReceivedAdvert]:
        """Take back what a node was still going to do when it crashed; return its frames.

        A busy node's step reaches into the future: announcements a millisecond apart,
        a script. What it had not come to, it never did.
        """
        unsent = [
            item.packet
            for item in self.sent
            if item.node == node and item.at > after and item.attacker is None
        ]
        self.changed = [i for i in self.changed if i.node != node or i.at <= after]
        self.sent = [i for i in self.sent if i.packet not in unsent or i.at <= after]
        self.announced = [i for i in self.announced if i.node != node or i.announce.at <= after]
        self.lost = [i for i in self.lost if i.source != node or i.at <= after]
        self.arrived = [i for i in self.arrived if i.source != node or i.sent <= after]
        return unsent
