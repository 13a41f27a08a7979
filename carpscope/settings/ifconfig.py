"""The words of one ifconfig call, as FreeBSD, NetBSD and OpenBSD read them.

Sources: FreeBSD sbin/ifconfig/ifconfig.c and carp.c, NetBSD sbin/ifconfig/carp.c, OpenBSD
sbin/ifconfig/ifconfig.c. What a call says of CARP and of addresses is kept, the rest is
only walked over; a call that its own ifconfig refuses says at which word and why.
"""

from enum import Enum, auto

from carpscope.core.values import dataclass, field
from carpscope.settings.model import VHID_MAX
from carpscope.settings.numbers import (
    address,
    atoi,
    is_known,
    mask_length,
    prefixed,
    strtonum,
    word_set,
)
from carpscope.settings.shell import Word


class Dialect(Enum):
    """Whose ifconfig."""

    FREEBSD = auto()
    """10 and later: a vhid belongs to addresses of an interface."""
    FREEBSD9 = auto()
    """5 to 9: carpN interfaces."""
    NETBSD = auto()
    OPENBSD = auto()


_FLAGS = word_set(
    "alias -alias add delete up down arp -arp debug -debug promisc -promisc anycast tentative "
    "-tentative deprecated -deprecated autoconf -autoconf temporary -temporary autoconfprivacy "
    "-autoconfprivacy eui64 no_dad -no_dad ifdisabled -ifdisabled no_radr -no_radr accept_rtadv "
    "-accept_rtadv auto_linklocal -auto_linklocal nud -nud prefer_source -prefer_source create "
    "destroy mcast mcast6 link0 -link0 link1 -link1 link2 -link2 rxcsum -rxcsum txcsum -txcsum "
    "rxcsum6 -rxcsum6 txcsum6 -txcsum6 tso -tso tso4 -tso4 tso6 -tso6 lro -lro vlanmtu -vlanmtu "
    "vlanhwtag -vlanhwtag vlanhwfilter -vlanhwfilter vlanhwtso -vlanhwtso vlanhwcsum -vlanhwcsum "
    "polling -polling wol -wol monitor -monitor staticarp -staticarp -description -descr -group "
    "-mode -vlandev -carpdev -peer -carppeer -inet -inet6 -rtlabel -priority -range swabips "
    "-swabips noauto polling toe -toe netmap -netmap pcp -pcp defer -defer trailers -trailers "
    "-fib -vlan -syncdev -syncpeer ipsec -ipsec"
)
_VALUES = word_set(
    "netmask broadcast prefixlen metric mtu media mediaopt -mediaopt mode description descr name "
    "group -group vlan vlandev vlanpcp vlanproto fib tunnelfib lladdr ether link dest dstaddr "
    "rtlabel priority vltime pltime scope instance inst laggproto laggport -laggport trunkproto "
    "trunkport -trunkport addm deletem member syncdev syncpeer maxupd maxage "
    "vnetid parent rdomain ssid wpakey nwid nwkey txpower llprio vnet -vnet wlandev media "
    "ip6linklocal rtprio tunneldomain"
)
_CARP = {
    Dialect.FREEBSD: word_set(
        "vhid advbase advskew pass state peer peer6 carpver vrrpprio vrrpinterval"
    ),
    Dialect.FREEBSD9: word_set("vhid advbase advskew pass state carpdev"),
    Dialect.NETBSD: word_set("vhid advbase advskew pass state carpdev"),
    Dialect.OPENBSD: word_set(
        "vhid advbase advskew pass state carpdev carppeer carpnodes balancing carpdemote "
        "-carpdemote"
    ),
}
_FAMILIES = word_set("inet inet6 link ether lladdr")
_INTERNET = word_set("inet inet6")
"""OpenBSD's other words, `lladdr` among them, are options with a value."""
_NEEDS_VHID = word_set("advbase advskew pass state")
_BALANCING = word_set("none ip ip-stealth ip-unicast")
NODES_MAX = 32


@dataclass(slots=True)
class Given:
    """One address of a call; `length` as it was given."""

    address: bytes | None
    """None: not known here."""
    length: int | None
    word: Word


@dataclass(slots=True)
class Call:
    """What one call does."""

    family: str = "inet"
    given: Given | None = None
    removes: bool = False
    vhid: int | None = None
    vhid_word: Word | None = None
    advbase: int | None = None
    advskew: int | None = None
    unsure: set[str] = field(default_factory=set)
    """Values that are set to something not known here."""
    secret: Word | None = None
    peer: bytes | None = None
    peer6: bytes | None = None
    carpver: int | None = None
    carpdev: str | None = None
    nodes: list[tuple[int, int]] = field(default_factory=list)
    vlan: int | None = None
    vlandev: str | None = None
    demotes: bool = False
    is_down: bool | None = None
    names_carp: bool = False
    words_seen: set[str] = field(default_factory=set)
    refused: str = ""
    out_of_range: bool = False
    """Refused for the number of a vhid."""

    @property
    def complaint(self) -> str:
        """Tell what ifconfig makes of the call that it refuses."""
        if self.refused.startswith("takes"):
            return f"ifconfig {self.refused}"
        return f"ifconfig refuses the line: {self.refused}"

    @property
    def has_vhid(self) -> bool:
        """Tell whether it names a vhid, known or not."""
        return self.vhid_word is not None


class _RefusedError(Exception):
    pass


def read(words: list[Word], dialect: Dialect) -> Call:
    """Read a call's words, those behind the interface's name."""
    call = Call()
    try:
        _walk(words, dialect, call)
    except _RefusedError as reason:
        call.refused = str(reason)
    return call


def _walk(words: list[Word], dialect: Dialect, call: Call) -> None:
    carp = _CARP[dialect]
    at = 0
    netmask: int | None = None
    seen_address = False
    if words and words[0].value in (_INTERNET if dialect is Dialect.OPENBSD else _FAMILIES):
        call.family = words[0].value
        at = 1
    while at < len(words):
        word = words[at]
        name = word.value
        at += 1
        call.words_seen.add(name)
        if not seen_address and name in ("inet", "inet6") and dialect is Dialect.NETBSD:
            call.family = name
            continue
        if name in carp or (name in _VALUES and name != "link") or (name == "link" and at > 1):
            if at >= len(words):
                raise _RefusedError(f"`{name}` has no value behind it")
            value = words[at]
            at += 1
            if name in carp:
                call.names_carp = True
                _carp(call, dialect, name, value, words)
            elif name == "netmask":
                if call.family == "inet" and is_known(value.value):
                    netmask = mask_length(value.value)
                    if netmask is None and address(value.value, "inet") is None:
                        raise _RefusedError(
                            f"takes the word behind `{_prior(words, at)}` for its netmask"
                        )
            elif name == "prefixlen":
                number = strtonum(value.value)
                if is_known(value.value) and (number is None or not 0 <= number <= 128):
                    raise _RefusedError("takes a word that is no number for the length of a prefix")
                netmask = number
            elif name == "broadcast":
                if is_known(value.value) and address(value.value, "inet") is None:
                    raise _RefusedError("takes a word that is no address for the broadcast address")
            elif name == "vlan":
                call.vlan = strtonum(value.value)
            elif name == "vlandev" or (name == "parent" and dialect is Dialect.OPENBSD):
                call.vlandev = value.value
            elif name == "vnetid":
                call.vlan = strtonum(value.value)
            continue
        if name in _FLAGS or (name.startswith("-") and is_known(name)):
            if name in ("-alias", "delete", "-inet", "-inet6"):
                call.removes = True
            elif name in ("up", "down"):
                call.is_down = name == "down"
            continue
        if not is_known(name):
            call.unsure.add("address")
            continue
        if call.family not in _INTERNET and not seen_address:
            seen_address = True  # the address of the hardware
            continue
        if seen_address:
            if address(name, call.family) is None:
                raise _RefusedError("takes a word that it does not know for a second address")
            continue
        found = prefixed(name, call.family)
        if found is None:
            if name in _FAMILIES:
                raise _RefusedError(
                    f"takes the word `{name}` for an address, since it is not the first"
                )
            other = "inet6" if call.family == "inet" else "inet"
            if prefixed(name, other) is not None:
                raise _RefusedError(f"takes an address of the other family behind `{call.family}`")
            raise _RefusedError("takes a word that it does not know for an address")
        call.given = Given(found[0], found[1], word)
        seen_address = True
    if call.given is not None and call.given.length is None and netmask is not None:
        call.given.length = netmask


def _prior(words: list[Word], at: int) -> str:
    return words[at - 2].value if at >= 2 else ""


def _carp(call: Call, dialect: Dialect, name: str, value: Word, words: list[Word]) -> None:
    text = value.value
    known = is_known(text)
    if dialect is Dialect.FREEBSD and name in _NEEDS_VHID and not call.has_vhid:
        raise _RefusedError(f"`{name}` stands before `vhid`")
    match name:
        case "vhid":
            call.vhid_word = value
            if not known:
                call.vhid = None
                call.unsure.add("vhid")
                return
            call.vhid = _number(text, dialect)
            if call.vhid is None or not 1 <= call.vhid <= VHID_MAX:
                call.out_of_range = True
                raise _RefusedError("a vhid is a number from 1 to 255")
        case "advbase" | "advskew":
            if not known:
                call.unsure.add(name)
                return
            _interval(call, dialect, name, _number(text, dialect))
        case "pass":
            call.secret = value
        case "peer" | "carppeer":
            if not known:
                call.unsure.add("peer")
                return
            call.peer = address(text, "inet")
            if call.peer is None:
                raise _RefusedError("the peer is no IPv4 address")
        case "peer6":
            if known:
                call.peer6 = address(text, "inet6")
                if call.peer6 is None:
                    raise _RefusedError("the peer is no IPv6 address")
        case "carpver":
            call.carpver = _number(text, dialect) if known else None
        case "carpdev":
            call.carpdev = text
        case "carpnodes":
            if known:
                _nodes(call, text)
            call.vhid_word = call.vhid_word or value
        case "balancing":
            if known and text not in _BALANCING:
                raise _RefusedError(f"`balancing` knows {', '.join(sorted(_BALANCING))}")
        case "carpdemote":
            call.demotes = True
        case _:
            pass
    del words


def _number(text: str, dialect: Dialect) -> int | None:
    return atoi(text) if dialect in (Dialect.FREEBSD, Dialect.FREEBSD9) else strtonum(text)


def _interval(call: Call, dialect: Dialect, name: str, number: int | None) -> None:
    if dialect is Dialect.FREEBSD:
        assert number is not None
        most = 255 if name == "advbase" else 254
        if number > most:
            raise _RefusedError(f"`{name}` is {most} at most")
        if number < 0 or (name == "advbase" and number == 0):
            return  # -1 means "not given" to ifconfig, advbase 0 to the kernel
    elif number is None or not 0 <= number <= (255 if dialect is Dialect.FREEBSD9 else 254):
        raise _RefusedError(f"`{name}` is a number from 0 to 254")
    if name == "advbase":
        call.advbase = number
    else:
        call.advskew = number


def _nodes(call: Call, text: str) -> None:
    nodes = []
    for part in text.split(","):
        vhid, colon, skew = part.partition(":")
        number, advskew = strtonum(vhid), strtonum(skew) if colon else 0
        if number is None or not 1 <= number <= VHID_MAX:
            call.out_of_range = True
            raise _RefusedError("a vhid is a number from 1 to 255")
        if advskew is None or not 0 <= advskew <= 254:
            raise _RefusedError("`advskew` is a number from 0 to 254")
        nodes.append((number, advskew))
    if len(nodes) > NODES_MAX:
        raise _RefusedError(f"`carpnodes` takes {NODES_MAX} vhids at most")
    call.nodes = nodes
