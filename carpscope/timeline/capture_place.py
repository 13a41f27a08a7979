"""Where a capture was taken, told by what it shows: on a node, or beside the nodes.

Who reads a capture does not know how it was made, and what it can show depends on that. Told are
only signs that nothing else explains:

    the capture marks what its host sent     Linux cooked captures say it of each frame
    its card fills in checksums              IPv4 headers that are not summed yet were never sent
    short frames of one card alone           a card pads what it sends to 60 bytes afterwards
    unicast between many, or frames twice    only a mirror or a bridge shows that
    a tunnel around everything               a mirror that comes over a network

That all unicast is one card's is none: on a mirror port it may be the only host that talks to all.
Where several captures of one network are compared, `timeline.places` knows more.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from carpscope.adverts.train import Train
from carpscope.core.values import dataclass, field
from carpscope.wire.arp import ArpView
from carpscope.wire.carp import AdvertView
from carpscope.wire.decode import Packet
from carpscope.wire.icmp6 import NeighbourView
from carpscope.wire.link import ENCRYPTED, ETHERNET

KEPT = 64
"""Hosts of each kind that are told apart; a flood of invented ones is evidence of nothing."""
CAPTURES_KEPT = 256
FEW = 3
"""Fewer frames of a kind are no sign."""
NOTED = 4
"""Reasons of each kind that are told, the commonest first."""
MANY = 12
"""Fewer unicast frames may be some that a switch flooded."""
SENT_BY_US = 4
"""Of the packet types of cooked captures (`wire.links.cooked`)."""
PADDED = 60
"""The shortest Ethernet frame without its checksum."""
ONLY_SENT, BOTH, ONLY_RECEIVED = "sent", "both", "received"


def is_own(packet: Packet) -> bool:
    """Tell a frame that the capturing host sent itself: it says nothing of what reaches it."""
    link, ip = packet.link, packet.ip
    if link is not None and link.packet_type == SENT_BY_US:
        return True
    return ip is not None and ip.version == 4 and ip.checksum_ok is False


@dataclass(slots=True)
class Signs:
    """What one capture showed of where it was taken."""

    adverts: int = 0
    cut: int = 0
    neighbours: int = 0
    """Frames of ARP and neighbour discovery."""
    unicast: int = 0
    encrypted: Counter[str] = field(default_factory=Counter)
    """Packets by the layer behind which nothing can be read."""
    unread: Counter[str] = field(default_factory=Counter)
    """Packets whose link layer cannot be read, by why."""
    talks: Counter[bytes] = field(default_factory=Counter)
    """Frames of two single hosts by the MACs of both."""
    marked: Counter[bytes] = field(default_factory=Counter)
    """Advertisements by source, of those that the capture marks as sent by its host."""
    received: Counter[bytes] = field(default_factory=Counter)
    """The others of a capture that marks."""
    unsummed: Counter[bytes] = field(default_factory=Counter)
    """Advertisements by source, whose IPv4 header has no valid checksum,"""
    summed: Counter[bytes] = field(default_factory=Counter)
    """and those that have."""
    short: Counter[bytes] = field(default_factory=Counter)
    """ARP by MAC, in frames too short for a cable,"""
    padded: Counter[bytes] = field(default_factory=Counter)
    """and in others."""
    tunnels: Counter[str] = field(default_factory=Counter)
    """Advertisements by what was around them."""

    def see(self, packet: Packet) -> None:
        """Take one packet."""
        link, ip, body = packet.link, packet.ip, packet.body
        for fault in packet.faults:
            if fault.problem == ENCRYPTED:
                _count(self.encrypted, fault.layer)
        if link is None:
            for fault in packet.faults[:1]:
                if fault.problem != ENCRYPTED:
                    _count(self.unread, str(fault))
            return
        source, destination = link.source, link.destination
        if source is not None and destination is not None and not destination[0] & 1:
            self.unicast += 1
            for mac in (source, destination):
                _count(self.talks, mac)
        if isinstance(body, ArpView | NeighbourView):
            self.neighbours += 1
        if isinstance(body, ArpView) and source is not None and link.kind == "ethernet":
            is_short = packet.frame.link == ETHERNET and packet.frame.wire_length < PADDED
            _count(self.short if is_short else self.padded, source)
        if not isinstance(body, AdvertView) or ip is None:
            return
        self.adverts += 1
        self.cut += body.is_cut
        if link.packet_type is not None:
            own = link.packet_type == SENT_BY_US
            _count(self.marked if own else self.received, ip.source)
        if ip.version == 4:
            _count(self.summed if ip.checksum_ok else self.unsummed, ip.source)
        for tunnel in packet.tunnels[:1]:
            _count(self.tunnels, tunnel.kind)

    def take(self, train: Train, count: int) -> None:
        """Take the first rows of a train, and the copies of them."""
        plain = train.plain
        total = count + train.copied(count)
        self.adverts += total
        if plain.packet_type is not None:
            own = plain.packet_type == SENT_BY_US
            _count(self.marked if own else self.received, plain.source, total)
        if plain.version == 4:
            wrong = train.unsummed(count)
            missed = len(wrong) + sum(place in wrong for place, _ in train.copies if wrong)
            if total > missed:
                _count(self.summed, plain.source, total - missed)
            if missed:
                _count(self.unsummed, plain.source, missed)


def _count(counts: "Counter[bytes] | Counter[str]", key: bytes | str, times: int = 1) -> None:
    if key in counts or len(counts) < KEPT:
        counts[key] += times  # type: ignore[index]


@dataclass(frozen=True, slots=True)
class Captured:
    """Where a capture was taken, as far as it shows."""

    where: str = ""
    """`node`, `mirror`, or empty where nothing tells."""
    hosts: tuple[bytes, ...] = ()
    """On which node: addresses that advertise; empty where it advertises nothing."""
    because: str = ""
    """`marked`, `checksums`, `short`, `others`, `twice`, `tunnel` or `compared`."""
    directions: str | None = None
    """`sent`, `received` or `both`; None where nothing tells."""
    adverts: int = 0
    cut: int = 0
    """Advertisements that a snap length cut."""
    has_neighbours: bool = False
    """Whether it holds ARP or neighbour discovery."""


class Witness:
    """Takes the packets of every capture, and says where each was taken."""

    def __init__(self) -> None:
        """Know of no capture."""
        self._signs: dict[int, Signs] = {}

    def see(self, packet: Packet) -> None:
        """Take one packet; one without any byte only says that time passed (`archive`)."""
        if not packet.frame.data:
            return
        index = packet.frame.capture
        signs = self._signs.get(index)
        if signs is None:
            if len(self._signs) >= CAPTURES_KEPT:
                return
            signs = self._signs[index] = Signs()
        signs.see(packet)

    def take(self, train: Train, count: int) -> None:
        """Take the first rows of a train, whose first was seen by itself before."""
        signs = self._signs.get(train.plain.capture)
        if signs is not None:
            signs.take(train, count)

    def notes(self) -> Iterator[str]:
        """Say what could not be looked into, counted over all captures."""
        unread: Counter[str] = Counter()
        for signs in self._signs.values():
            unread.update(signs.unread)
        yield from self.encrypted()
        for why, count in unread.most_common(NOTED):
            yield f"{count:,} {'packet' if count == 1 else 'packets'} could not be read: {why}"

    def encrypted(self) -> Iterator[str]:
        """Say what is encrypted."""
        found: Counter[str] = Counter()
        for signs in self._signs.values():
            found.update(signs.encrypted)
        for layer, count in found.most_common(NOTED):
            packets = "packet is" if count == 1 else "packets are"
            yield f"{count:,} {packets} encrypted ({layer}); what is inside cannot be read"

    def place(
        self,
        index: int,
        addresses_of: Callable[[bytes], Iterable[bytes]],
        placed: tuple[bytes, ...] = (),
        copies: int = 0,
    ) -> Captured:
        """Say where a capture was taken.

        `addresses_of` gives what a card's host advertises from; `placed` is whose capture it is
        by comparison with others; `copies` are advertisements that it holds twice.
        """
        signs = self._signs.get(index, Signs())
        where, hosts, because = _where(signs, addresses_of, copies)
        if placed:
            where, hosts, because = "node", placed, "compared"
        return Captured(
            where,
            hosts,
            because,
            _directions(signs, where, hosts, copies),
            signs.adverts,
            signs.cut,
            bool(signs.neighbours),
        )


def _where(
    signs: Signs, addresses_of: Callable[[bytes], Iterable[bytes]], copies: int
) -> tuple[str, tuple[bytes, ...], str]:
    if signs.tunnels and sum(signs.tunnels.values()) == signs.adverts:
        return "mirror", (), "tunnel"
    if signs.marked or signs.received:
        return "node", tuple(signs.marked), "marked"
    if copies >= FEW:
        return "mirror", (), "twice"
    wrong = _only(signs.unsummed, signs.summed)
    if wrong is not None:
        return "node", (wrong,), "checksums"
    most = max(signs.talks.values(), default=0)
    if signs.unicast >= MANY and 2 * most <= signs.unicast:
        return "mirror", (), "others"
    card = _only(signs.short, signs.padded)
    if card is not None and signs.padded and signs.talks[card] == signs.unicast >= FEW:
        return "node", tuple(addresses_of(card)), "short"
    return "", (), ""


def _only(these: Mapping[bytes, int], others: Mapping[bytes, int]) -> bytes | None:
    """Return the only one that has these and never others, where it is no chance."""
    if len(these) != 1:
        return None
    ((one, count),) = these.items()
    return one if count >= FEW and one not in others else None


def _directions(signs: Signs, where: str, hosts: tuple[bytes, ...], copies: int) -> str | None:
    if where == "mirror":
        return BOTH if copies >= FEW else None
    if where != "node" or not hosts:
        return None
    known = set(hosts)
    senders = set(signs.summed) | set(signs.unsummed) | set(signs.marked) | set(signs.received)
    own, others = bool(senders & known), bool(senders - known)
    if own and others:
        return BOTH
    if others:
        return ONLY_RECEIVED
    return ONLY_SENT if own else None
