"""The stories: one capture each.

Skews are small where a fail-over is timed, so that the take-over stays clear of the length at
which it would be called a gap (ucarp looks at its timers once per interval, plus up to a second).
"""

from dataclasses import replace

from captures.record.plan import (
    CTAG,
    STAG,
    Action,
    Attack,
    Call,
    Cut,
    Host,
    Kill,
    Reconfigure,
    Split,
    Start,
    Story,
    Ucarp,
    Vrrp,
)

_NODE = Ucarp()
_SPARE = Ucarp(advskew=20)
_EAGER = Ucarp(preempt=True)
_OTHER = "quiet-harbour-71"


def _pair(first: Ucarp, second: Ucarp, *more: Host) -> tuple[Host, ...]:
    return (
        Host(name="alpha", address="192.0.2.1", ucarps=(first,)),
        Host(name="beta", address="192.0.2.2", ucarps=(second,)),
        *more,
    )


_MALLORY = Host(name="mallory", address="192.0.2.66")
_CALLER = Host(name="caller", address="192.0.2.99")
# The second node starts late enough to find a master, so that the election is over soon.
_BOTH: tuple[Action, ...] = (Start(0, "alpha"), Start(2, "beta"))


def _vlan_host(name: str, last: int, ucarp: Ucarp, *tags: tuple[int, int]) -> Host:
    return Host(name=name, address=f"192.0.2.{last}", ucarps=(ucarp,), tags=tags)


_HEALTHY = Story(
    name="ucarp-healthy",
    happens="""A pair of ucarp nodes. alpha starts first and becomes master; beta, with the higher
        advskew, stays its backup. Nothing else happens.""",
    hosts=_pair(_NODE, Ucarp(advskew=100)),
    actions=_BOTH,
    seconds=30,
    expects=("none",),
)

_FAILOVER = Story(
    name="ucarp-failover",
    happens="""A pair of ucarp nodes and a user who pings their address. The master alpha is killed
        without a bow-out; beta takes over when it has missed its advertisements.""",
    hosts=_pair(_NODE, _SPARE, _CALLER),
    actions=(*_BOTH, Call(6, "caller", _NODE.address), Kill(14, "alpha")),
    seconds=30,
    expects=("failover",),
)

_PREEMPTION = Story(
    name="ucarp-preemption",
    happens="""beta is alone and master. alpha, with a lower advskew and told to preempt (-P),
        starts later and takes the mastership from the living master.""",
    hosts=_pair(_EAGER, Ucarp(advskew=100)),
    actions=(Start(0, "beta"), Start(14, "alpha")),
    seconds=30,
    expects=("preemption",),
)

_ONE_WAY = Story(
    name="ucarp-one-way-link",
    happens="""For a while the switch drops what the master alpha sends to beta, but not the
        reverse. beta hears nobody and becomes master as well; alpha hears beta, knows itself to be
        better and stays. When the link heals, beta steps down.""",
    hosts=_pair(_NODE, _SPARE),
    actions=(*_BOTH, Cut(12, 32, "alpha", "beta")),
    seconds=42,
    expects=("one_way_link", "split_brain"),
)

_PARTITION = Story(
    name="ucarp-partition-heal",
    happens="""For a while no frame passes between the two nodes, though the span port sees both.
        Both are master until the LAN heals; then the worse one, beta, steps down.""",
    hosts=_pair(_NODE, _SPARE),
    actions=(*_BOTH, Split(12, 32, "alpha", "beta")),
    seconds=42,
    expects=("partition", "split_brain"),
)

_ADDRESSES = Story(
    name="ucarp-different-addresses",
    happens="""Two nodes with one passphrase sign different virtual addresses. Each refuses what the
        other sends, and both are master for good.""",
    hosts=_pair(_NODE, replace(_SPARE, address="192.0.2.11")),
    actions=_BOTH,
    seconds=30,
    expects=("address_set_mismatch", "split_brain"),
)

_PASSPHRASES = Story(
    name="ucarp-different-passphrases",
    happens="""Two nodes sign the same address with different passphrases. Each refuses what the
        other sends, and both are master for good.""",
    hosts=_pair(_NODE, replace(_SPARE, passphrase=_OTHER)),
    actions=_BOTH,
    seconds=30,
    expects=("passphrase_mismatch", "split_brain"),
)

_SAME_ID = Story(
    name="vrrp-same-id",
    happens="""A healthy pair of ucarp nodes with vhid 51, and later on the same LAN a pair of VRRP
        version 2 routers whose virtual router id is 51 too.""",
    hosts=_pair(
        replace(_NODE, vhid=51),
        replace(_SPARE, vhid=51),
        *(
            Host(
                name=name,
                address=f"192.0.2.{last}",
                vrrps=(
                    Vrrp(vrid=51, priority=priority, addresses=("192.0.2.50/24",), own_mac=True),
                ),
            )
            for name, last, priority in (("router1", 21, 150), ("router2", 22, 100))
        ),
    ),
    actions=(*_BOTH, Start(10, "router1"), Start(11, "router2")),
    seconds=40,
    expects=("vrrp_vrid_conflict",),
)

_TWO_VHIDS = Story(
    name="ucarp-two-vhids",
    happens="""Two nodes share the load: alpha is preferred for vhid 1 and beta for vhid 2, both
        with preemption. alpha dies and beta serves both; alpha returns and takes its own back.""",
    hosts=tuple(
        Host(
            name=name,
            address=f"192.0.2.{last}",
            ucarps=(
                replace(_EAGER, advskew=first),
                replace(_EAGER, vhid=2, address="192.0.2.20", advskew=second),
            ),
        )
        for name, last, first, second in (("alpha", 1, 0, 20), ("beta", 2, 20, 0))
    ),
    actions=(Start(0, "alpha"), Start(0.4, "beta"), Kill(18, "alpha"), Start(30, "alpha")),
    seconds=45,
    expects=("failover", "preemption"),
)

_VLAN = Story(
    name="ucarp-vlan",
    happens="""Two pairs of ucarp nodes with the same vhid in two VLANs, 10 and 20, with
        passphrases and addresses of their own: they have nothing to do with each other. The span
        port sees the frames tagged. The master of VLAN 10 is killed and its backup takes over.""",
    hosts=(
        _vlan_host("alpha", 1, _NODE, (CTAG, 10)),
        _vlan_host("beta", 2, _SPARE, (CTAG, 10)),
        _vlan_host("gamma", 3, Ucarp(passphrase=_OTHER, address="192.0.2.30"), (CTAG, 20)),
        _vlan_host(
            "delta", 4, Ucarp(passphrase=_OTHER, address="192.0.2.30", advskew=20), (CTAG, 20)
        ),
    ),
    actions=(
        *_BOTH,
        Start(0.5, "gamma"),
        Start(2.5, "delta"),
        Kill(14, "alpha"),
    ),
    seconds=30,
    expects=("failover",),
)

_QINQ = Story(
    name="ucarp-qinq",
    happens="""A pair of ucarp nodes behind two VLAN tags, 802.1ad 100 outside and 802.1Q 10
        inside. The master is killed and the backup takes over.""",
    hosts=(
        _vlan_host("alpha", 1, _NODE, (STAG, 100), (CTAG, 10)),
        _vlan_host("beta", 2, _SPARE, (STAG, 100), (CTAG, 10)),
    ),
    actions=(*_BOTH, Kill(14, "alpha")),
    seconds=30,
    expects=("failover",),
)

_TIE = Story(
    name="ucarp-equal-skew",
    happens="""Two nodes with the same advbase and advskew start at once. Both become master; within
        about a second the addresses decide, and one master is left.""",
    hosts=_pair(Ucarp(advskew=50), Ucarp(advskew=50)),
    actions=(Start(0, "alpha"), Start(0, "beta")),
    seconds=30,
    expects=("equal_skew_tie",),
)

_VRRP_ONLY = Story(
    name="vrrp-only",
    happens="""No CARP at all: two VRRP routers with instances of version 2 (plain, with password,
        with authentication header, with five and with seven addresses, one on a virtual MAC) and of
        version 3 for IPv4 and IPv6. One router dies and the other takes over.""",
    hosts=tuple(
        Host(
            name=name,
            address=f"192.0.2.{last}",
            vrrps=(
                Vrrp(vrid=1, priority=priority, addresses=("192.0.2.50/24",), own_mac=True),
                Vrrp(
                    vrid=5,
                    priority=priority,
                    addresses=tuple(f"192.0.2.{n}/24" for n in range(51, 56)),
                ),
                Vrrp(
                    vrid=7,
                    priority=priority,
                    addresses=tuple(f"192.0.2.{n}/24" for n in range(61, 68)),
                ),
                Vrrp(
                    vrid=8,
                    priority=priority,
                    addresses=("192.0.2.70/24",),
                    auth=("PASS", "tide4217"),
                ),
                Vrrp(
                    vrid=9, priority=priority, addresses=("192.0.2.71/24",), auth=("AH", "tide4217")
                ),
                Vrrp(version=3, vrid=10, priority=priority, addresses=("192.0.2.80/24",)),
                Vrrp(
                    version=3,
                    vrid=10,
                    priority=priority,
                    addresses=("fe80::5e:a/64", "2001:db8::50/64"),
                ),
            ),
        )
        for name, last, priority in (("router1", 21, 150), ("router2", 22, 100))
    ),
    actions=(Start(0, "router1"), Start(1, "router2"), Kill(16, "router1")),
    seconds=26,
    expects=("none",),
)

_ADVBASE = Story(
    name="ucarp-advbase-mismatch",
    happens="""alpha advertises every 5 seconds and is master. beta, with advbase 1 and without
        preemption, starts later and takes over at once, because three of its own intervals are
        shorter than one of the master's.""",
    hosts=_pair(Ucarp(advbase=5), Ucarp(advbase=1)),
    actions=(Start(0, "alpha"), Start(28, "beta")),
    seconds=52,
    expects=("advbase_mismatch", "preemption"),
)

_REPLAY = Story(
    name="ucarp-replayed-advert",
    happens="""The master alpha is killed, and an attacker on a port of its own sends alpha's last
        advertisement again every second. beta believes it and stays backup: nobody serves the
        address until the attacker stops.""",
    hosts=_pair(_NODE, _SPARE, _MALLORY),
    actions=(
        *_BOTH,
        Kill(14, "alpha"),
        Attack(at=14.8, until=30, host="mallory", victim="alpha"),
    ),
    seconds=42,
    expects=("failover", "master_gap", "replayed_advert"),
)

_FORGED = Story(
    name="ucarp-forged-skew",
    happens="""An attacker sends the last advertisement of the master alpha again every second,
        with its own source address and advskew 0, which the HMAC does not cover. alpha gives way
        to it and beta believes it: nobody serves the address until the attacker stops.""",
    hosts=_pair(Ucarp(advskew=20), Ucarp(advskew=60), _MALLORY),
    actions=(
        *_BOTH,
        Attack(at=14.3, until=30, host="mallory", victim="alpha", advskew=0, own_address=True),
    ),
    seconds=42,
    expects=("forged_skew", "master_gap"),
)

_FORGED_UNHEEDED = Story(
    name="ucarp-forged-skew-unheeded",
    happens="""As ucarp-forged-skew, but the forged advertisements keep the source address of the
        master alpha. ucarp ignores what claims to come from itself, so alpha stays master.""",
    hosts=_pair(Ucarp(advskew=20), Ucarp(advskew=60), _MALLORY),
    actions=(
        *_BOTH,
        Attack(at=14.3, until=22, host="mallory", victim="alpha", advskew=0),
    ),
    seconds=30,
    expects=("forged_skew",),
)

_FLAPPING = Story(
    name="ucarp-flapping",
    happens="""The preferred node alpha, told to preempt, dies and returns over and over; the
        mastership changes each time.""",
    hosts=_pair(_EAGER, _SPARE),
    actions=(
        *_BOTH,
        *(
            kill
            for n in range(3)
            for kill in (Kill(12 + 9 * n, "alpha"), Start(18 + 9 * n, "alpha"))
        ),
    ),
    seconds=46,
    expects=(*["failover"] * 3, "flapping", *["preemption"] * 3),
)

_TTL = Story(
    name="ucarp-bad-ttl",
    happens="""Something lowers the TTL of what the master alpha sends to 254, as a router on the
        way would. beta drops it for that and becomes master too, though every frame reaches it.""",
    hosts=(
        Host(name="alpha", address="192.0.2.1", ucarps=(_NODE,), ttl=254),
        Host(name="beta", address="192.0.2.2", ucarps=(_SPARE,)),
    ),
    actions=_BOTH,
    seconds=30,
    expects=("bad_ttl", "split_brain"),
)

_BROADCAST = Story(
    name="ucarp-broadcast",
    happens="""A pair that sends its advertisements to the broadcast MAC address (-M), though their
        IP destination is the group. The master is killed and the backup takes over.""",
    hosts=_pair(replace(_NODE, broadcast=True), replace(_SPARE, broadcast=True)),
    actions=(*_BOTH, Kill(14, "alpha")),
    seconds=30,
    expects=("failover",),
)

_MISTYPED = Story(
    name="mistyped-address",
    happens="""beta is set up for 192.0.2.100 instead of 192.0.2.10: one digit too many. Each
        refuses what the other sends, and both are master for good.""",
    hosts=_pair(_NODE, replace(_SPARE, address="192.0.2.100")),
    actions=_BOTH,
    seconds=30,
    expects=("address_set_mismatch", "split_brain"),
)

_NEWLINE = Story(
    name="trailing-newline",
    happens="""Both nodes are meant to have one passphrase, but on beta it was taken from a file
        with the newline at its end. Each refuses what the other sends, and both are master for
        good.""",
    hosts=_pair(_NODE, replace(_SPARE, passphrase=f"{_NODE.passphrase}\n")),
    actions=_BOTH,
    seconds=30,
    expects=("passphrase_mismatch", "split_brain"),
)

_HALF_ROTATED = Story(
    name="half-rotated-passphrase",
    happens="""The passphrase is rotated on the master alpha, which is started anew with it, and
        then not on beta. beta takes over while alpha starts; alpha, back, refuses what beta sends
        and becomes master beside it for good.""",
    hosts=_pair(_NODE, _SPARE),
    actions=(*_BOTH, Reconfigure(14, "alpha", replace(_NODE, passphrase=_OTHER))),
    seconds=40,
    expects=("failover", "passphrase_mismatch", "split_brain"),
)

_ROLLING = Story(
    name="rolling-reconfiguration",
    happens="""The shared address is changed node by node, the master alpha first. From then on each
        refuses the other and both are master, until beta is changed as well and stays backup.""",
    hosts=_pair(_NODE, _SPARE),
    actions=(
        *_BOTH,
        Reconfigure(14, "alpha", replace(_NODE, address="192.0.2.11")),
        Reconfigure(32, "beta", replace(_SPARE, address="192.0.2.11")),
    ),
    seconds=50,
    expects=("address_set_mismatch", "failover", "split_brain"),
)

STORIES: tuple[Story, ...] = (
    _HEALTHY,
    _FAILOVER,
    _PREEMPTION,
    _ONE_WAY,
    _PARTITION,
    _ADDRESSES,
    _PASSPHRASES,
    _SAME_ID,
    _TWO_VHIDS,
    _VLAN,
    _QINQ,
    _TIE,
    _VRRP_ONLY,
    _ADVBASE,
    _REPLAY,
    _FORGED,
    _FORGED_UNHEEDED,
    _FLAPPING,
    _TTL,
    _BROADCAST,
    _MISTYPED,
    _NEWLINE,
    _HALF_ROTATED,
    _ROLLING,
)
