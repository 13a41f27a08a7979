"""Where a capture was taken, by what its frames show: on a node, or beside the nodes.

A reader of a capture often does not know how it was made, and what it can show depends on that.
Used are only signs that have no other explanation:

    the capture marks its host's frames      Linux cooked captures do so for each frame
    IPv4 headers without a checksum          the card fills it in after the capture point
    Ethernet frames below 60 bytes           the card pads them after the capture point
    unicast between many, or frames twice    only a mirror or a bridge shows that
    a tunnel around everything               a mirror session over a network

Unicast from and to one card alone is no sign: on a mirror port that card may be the only host that
talks to all. Where several captures of one network are compared, `timeline.places` decides.
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
"""Hosts counted separately of each kind; a flood of invented ones must not fill memory."""
CAPTURES_KEPT = 256
FEW = 3
"""Frames of a kind that make it a sign; fewer are ignored."""
NOTED = 4
"""Reasons of each kind that are named in a note, the commonest first."""
MANY = 12
"""Unicast frames from which on their hosts are a sign: fewer may have been flooded by a switch."""
SENT_BY_US = 4
"""The packet type of frames that the capturing host sent (`wire.links.cooked`)."""
PADDED = 60
"""The shortest Ethernet frame without its checksum."""
ONLY_SENT, BOTH, ONLY_RECEIVED = "sent", "both", "received"


def is_own(packet: Packet) -> bool:
    """Return whether the capture marks a frame as sent by its own host.

    Such frames show nothing of what reaches the host.
    """
    link, ip = packet.link, packet.ip
    if link is not None and link.packet_type == SENT_BY_US:
        return True
    return ip is not None and ip.version == 4 and ip.checksum_ok is False


@dataclass(slots=True)
class Signs:
    """What one capture showed of the place where it was taken."""

    adverts: int = 0
    cut: int = 0
    neighbours: int = 0
    """Frames of ARP and neighbour discovery."""
    unicast: int = 0
    encrypted: Counter[str] = field(default_factory=Counter)
    """Encrypted packets, by the layer whose payload cannot be read."""
    unread: Counter[str] = field(default_factory=Counter)
    """Packets whose link layer cannot be read, by the reason."""
    talks: Counter[bytes] = field(default_factory=Counter)
    """Unicast frames by MAC: each counts for its source and for its destination."""
    marked: Counter[bytes] = field(default_factory=Counter)
    """Advertisements by source address that the capture marks as sent by its host."""
    received: Counter[bytes] = field(default_factory=Counter)
    """Advertisements by source address that the capture marks as received."""
    unsummed: Counter[bytes] = field(default_factory=Counter)
    """Advertisements by source address whose IPv4 header checksum is wrong."""
    summed: Counter[bytes] = field(default_factory=Counter)
    """Advertisements by source address whose IPv4 header checksum is right."""
    short: Counter[bytes] = field(default_factory=Counter)
    """ARP packets by MAC in Ethernet frames shorter than `PADDED`."""
    padded: Counter[bytes] = field(default_factory=Counter)
    """ARP packets by MAC in Ethernet frames of at least `PADDED` bytes."""
    tunnels: Counter[str] = field(default_factory=Counter)
    """Advertisements by the tunnel that carried them."""

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
        """Count the first `count` rows of a train, and the copies of them."""
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
    """Where a capture was taken, as far as its frames show."""

    where: str = ""
    """`node`, `mirror`, or empty where it is unknown."""
    hosts: tuple[bytes, ...] = ()
    """The addresses that the node advertises from; empty where it advertises nothing."""
    because: str = ""
    """`marked`, `checksums`, `short`, `others`, `twice`, `tunnel` or `compared`."""
    directions: str | None = None
    """`sent`, `received` or `both`: the directions that it holds; None where unknown."""
    adverts: int = 0
    cut: int = 0
    """Advertisements that a snap length cut."""
    has_neighbours: bool = False
    """Whether it holds ARP or neighbour discovery."""


class Witness:
    """Takes the packets of all captures and determines where each was taken."""

    def __init__(self) -> None:
        """Know of no capture."""
        self._signs: dict[int, Signs] = {}

    def see(self, packet: Packet) -> None:
        """Take one packet. An empty one is skipped: `archive` uses it to pass on time."""
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
        """Count the first `count` rows of a train; an earlier row of it went through `see`."""
        signs = self._signs.get(train.plain.capture)
        if signs is not None:
            signs.take(train, count)

    def notes(self) -> Iterator[str]:
        """Yield notes on packets that could not be read, counted over all captures."""
        unread: Counter[str] = Counter()
        for signs in self._signs.values():
            unread.update(signs.unread)
        yield from self.encrypted()
        for why, count in unread.most_common(NOTED):
            yield f"{count:,} {'packet' if count == 1 else 'packets'} could not be read: {why}"

    def encrypted(self) -> Iterator[str]:
        """Yield a note for each layer that encrypts packets."""
        found: Counter[str] = Counter()
        for signs in self._signs.values():
            found.update(signs.encrypted)
        for layer, count in found.most_common(NOTED):
            packets = "packet is" if count == 1 else "packets are"
            yield f"{count:,} {packets} encrypted ({layer}); what is inside cannot be read"

    def is_received(self, index: int, mac: bytes) -> bool:
        """Return whether ARP from a MAC came padded to 60 bytes: a card sent it, over a wire."""
        signs = self._signs.get(index)
        return signs is not None and signs.padded[mac] >= FEW and not signs.short[mac]

    def place(
        self,
        index: int,
        addresses_of: Callable[[bytes], Iterable[bytes]],
        placed: tuple[bytes, ...] = (),
        copies: int = 0,
    ) -> Captured:
        """Return where a capture was taken.

        `addresses_of` maps a card's MAC to the addresses that its host advertises from. `placed`
        is the host's addresses by comparison with other captures (`timeline.places`), empty where
        unknown. `copies` is how many advertisements the capture holds twice.
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
    """Return the only key of `these`, if it counts at least `FEW` and is not in `others`."""
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
