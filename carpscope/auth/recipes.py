"""The rules by which implementations make a digest of addresses, each with its source.

All sign 02 01, the vhid, the IPv4 addresses, the IPv6 addresses and the counter
(`auth.digest`). They differ in which addresses enter, in what order, and whether a
link-layer address stands before the vhid. A rule's name is what outputs show.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from carpscope.auth.digest import Signer, message, ordinary_order
from carpscope.auth.keyring import CandidateKey
from carpscope.core.address import is_link_local


class SigningRule(NamedTuple):
    """One way of choosing and ordering what is signed."""

    name: str
    says: str
    systems: str
    source: str


SORTED = SigningRule(
    "sorted",
    "IPv4 ascending as numbers, then IPv6 ascending byte by byte, each address once",
    "FreeBSD 7 to 15, NetBSD, OpenBSD since 2005; ucarp, whose only address is always sorted",
    "carp_hmac_prepare in sys/netinet/ip_carp.c (OpenBSD 1.113, FreeBSD 9.1); ucarp src/carp.c",
)
OWN_LINK_LOCAL = SigningRule(
    "sorted, with its own link-local address",
    "as sorted, and the carp interface's automatic fe80::200:5eff:fe00:1XX is one of them",
    "NetBSD and FreeBSD 5 to 9; OpenBSD accepts it and never sends it",
    "in6_ifattach gives the interface the address, carp_hmac_prepare takes what it finds",
)
NO_LINK_LOCAL = SigningRule(
    "sorted, without link-local addresses",
    "as sorted, IPv6 link-local addresses left out although the interface has some",
    "OpenBSD since about 2008, in all it sends (HMAC_NOV6LL)",
    "OpenBSD ip_carp.c carp_hmac_prepare_ctx, carp_prepare_ad",
)
CONFIGURED = SigningRule(
    "configured order",
    "IPv4, then IPv6, each in the order in which it was configured",
    "FreeBSD 5.4 and 6.0",
    "FreeBSD 6.0 ip_carp.c carp_hmac_prepare: TAILQ_FOREACH over the interface's addresses",
)
CONFIGURED_IPV6 = SigningRule(
    "IPv6 in configured order",
    "IPv4 ascending, IPv6 in the order in which it was configured",
    "DragonFly",
    "DragonFly ip_carp.c carp_hmac_prepare: a sorted list of IPv4 addresses, if_addrheads of IPv6",
)
DUPLICATES = SigningRule(
    "sorted, duplicates kept",
    "IPv4 ascending, and an address that was configured twice is signed twice",
    "DragonFly",
    "DragonFly ip_carp.c carp_insert_ifa: the list keeps equal addresses",
)
LINK_LAYER = SigningRule(
    "sorted, after the link-layer address set by hand",
    "the interface's link-layer address stands before the vhid",
    "OpenBSD, the first vhid of an interface with `lladdr` set by hand",
    "OpenBSD ip_carp.c carp_hmac_prepare_ctx: vhe_leader, and neither virtual nor the parent's",
)

RULES = (
    SORTED,
    OWN_LINK_LOCAL,
    NO_LINK_LOCAL,
    CONFIGURED,
    CONFIGURED_IPV6,
    DUPLICATES,
    LINK_LAYER,
)


class Recipe:
    """How a node signs: the answer of a search. Not changed once it is made.

    No dataclass: importing `dataclasses` takes longer than dissecting fifty packets.
    """

    __slots__ = (
        *("addresses", "instead", "key", "lladdr"),
        *("rule", "signer", "unsupplied", "vhid"),
    )

    def __init__(
        self,
        vhid: int,
        key: CandidateKey,
        addresses: tuple[bytes, ...],
        rule: str = SORTED.name,
        lladdr: bytes = b"",
        unsupplied: tuple[bytes, ...] = (),
        instead: tuple[bytes, ...] = (),
        *,
        signer: Signer,
    ) -> None:
        """Take what is signed and what is to be said about it."""
        self.vhid = vhid
        self.key = key
        self.addresses = addresses
        """In the order they are signed."""
        self.rule = rule
        """The name of one of `RULES`."""
        self.lladdr = lladdr
        self.unsupplied = unsupplied
        """Those of `addresses` that nobody supplied and no frame announced."""
        self.instead = instead
        """Supplied addresses that those of `unsupplied` look like a typing mistake of."""
        self.signer = signer

    def _what(self) -> tuple[int, CandidateKey, tuple[bytes, ...], bytes]:
        return self.vhid, self.key, self.addresses, self.lladdr

    def __eq__(self, other: object) -> bool:
        """Compare what is signed, not what is said about it."""
        if not isinstance(other, Recipe):
            return NotImplemented
        return self is other or self._what() == other._what()

    def __hash__(self) -> int:
        """Agree with equality."""
        return hash(self._what())

    def __repr__(self) -> str:
        """Name the key without its bytes, as it does itself."""
        signed = [address.hex() for address in self.addresses]
        return f"Recipe(vhid {self.vhid}, {self.key!r}, {signed}, {self.rule!r})"

    def fits(self, counter: bytes, digest: bytes) -> bool:
        """Tell whether this recipe produces a digest."""
        # Both are public and offline; there is no secret for timing to leak.
        return self.signer.sign(counter) == digest

    @property
    def address_set(self) -> frozenset[bytes]:
        """Return the addresses without their order."""
        return frozenset(self.addresses)

    @property
    def signed(self) -> tuple[bytes, tuple[bytes, ...], bytes]:
        """Return all that has to agree between two nodes: key, addresses in order, lladdr."""
        return self.key.secret.rstrip(b"\0"), self.addresses, self.lladdr


def recipe(
    vhid: int,
    key: CandidateKey,
    addresses: Sequence[bytes],
    lladdr: bytes = b"",
    *,
    left_out: Iterable[bytes] = (),
    unsupplied: tuple[bytes, ...] = (),
    instead: tuple[bytes, ...] = (),
) -> Recipe:
    """Make a recipe and name its rule; `left_out` are addresses the node has but does not sign."""
    ipv4 = [a for a in addresses if len(a) == 4]
    ipv6 = [a for a in addresses if len(a) == 16]
    return Recipe(
        vhid,
        key,
        (*ipv4, *ipv6),
        rule_of(vhid, ipv4, ipv6, lladdr, left_out).name,
        lladdr,
        unsupplied,
        instead,
        signer=Signer(key.secret, message(vhid, ipv4, ipv6, lladdr)),
    )


def rule_of(
    vhid: int,
    ipv4: Sequence[bytes],
    ipv6: Sequence[bytes],
    lladdr: bytes = b"",
    left_out: Iterable[bytes] = (),
) -> SigningRule:
    """Name the rule that puts addresses into this order: the commonest that does."""
    if lladdr:
        return LINK_LAYER
    if list(ipv4) != sorted(ipv4):
        return CONFIGURED
    if list(ipv6) != sorted(ipv6):
        return CONFIGURED_IPV6
    if len(set(ipv4)) < len(ipv4):
        return DUPLICATES
    if automatic_link_local(vhid) in ipv6:
        return OWN_LINK_LOCAL
    missing = list(left_out)
    if missing and all(is_link_local(a) for a in missing) and not any(map(is_link_local, ipv6)):
        return NO_LINK_LOCAL
    return SORTED


def automatic_link_local(vhid: int) -> bytes:
    """Return the address that a carp interface gives itself, made of its virtual MAC."""
    return b"\xfe\x80" + bytes(6) + b"\x02\x00\x5e\xff\xfe\x00\x01" + bytes((vhid,))


def canonical(address: bytes) -> bytes:
    """Zero the scope that KAME kernels keep in bytes 2 and 3 of addresses with a narrow scope.

    It is zeroed before signing and never on the wire, but `netstat` and old `ifconfig` show it.
    Sources: in6_clearscope; OpenBSD carp_hmac_prepare_ctx, FreeBSD carp_hmac_prepare.
    """
    narrow = is_link_local(address) or address[:2] in (b"\xff\x01", b"\xff\x02")
    return address[:2] + b"\0\0" + address[4:] if len(address) == 16 and narrow else address


def in_order(addresses: Iterable[bytes]) -> tuple[bytes, ...]:
    """Put addresses into the order in which nearly everybody signs them."""
    ipv4, ipv6 = ordinary_order(addresses)
    return (*ipv4, *ipv6)
