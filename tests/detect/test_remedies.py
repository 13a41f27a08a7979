"""What findings tell people to do fits what was seen, and hurts nobody."""

from pathlib import Path

import pytest

from tests.detect.field import analysis, labels, only
from tests.detect.tapes import answered_by, beside, lone, together
from tests.plain import Tape, carp, ether, icmp6, ip, ipv4

VIP = "192.0.2.10"
VIRTUAL = "00:00:5e:00:01:07"


def sent_to(address: str, card: str, tos: int = 0xE0) -> Tape:
    """Record a master that sends to one address or the group, and to this MAC."""
    tape = Tape()
    for beat in range(20):
        body = carp(7, 1, 0, 5000 + beat, vips=(VIP,))
        packet = ipv4("192.0.2.1", address, 112, body, tos=tos)
        tape.put(beat * 1.002, ether(VIRTUAL, card, 0x0800, packet))
    return tape


@pytest.mark.parametrize(
    ("address", "card", "says", "never"),
    [
        ("192.0.2.230", "01:00:5e:00:02:e6", "does not end in 224 to 239", "policy routing"),
        ("192.0.2.2", "01:00:5e:7f:00:02", "an entry of ARP", "policy routing"),
        ("224.0.0.18", "01:00:5e:00:02:fe", "pass quick proto carp", "unicast"),
        ("224.0.0.18", "02:00:00:00:00:02", "turns multicast into unicast", "policy routing"),
    ],
)
def test_a_wrong_destination_is_mended_where_it_is_made(
    address: str, card: str, says: str, never: str, tmp_path: Path
) -> None:
    one = only(analysis(sent_to(address, card), tmp_path), "wrong_destination")
    assert says in one["remedy"]
    assert never not in one["remedy"]


def pair(skew: int, base: int = 1, *, ucarp: bool) -> Tape:
    """Record two that advertise alike, one after the other."""
    beat = base + skew / 256
    tapes = []
    for start, source in ((0.0, "192.0.2.1"), (20 * beat + 5, "192.0.2.2")):
        tape = Tape()
        for n in range(20):
            tape.advert(start + n * beat, source, 7, skew, base=base, ucarp=ucarp, vips=(VIP,))
        tapes.append(tape)
    return together(*tapes)


@pytest.mark.parametrize(("skew", "ucarp", "tie"), [
    (10, False, True), (10, True, True), (240, False, False), (250, True, True),
])  # fmt: skip
def test_only_a_kernel_holds_its_advskew_at_240(
    skew: int, ucarp: bool, tie: bool, tmp_path: Path
) -> None:
    found = analysis(pair(skew, ucarp=ucarp), tmp_path)
    assert ("equal_skew_tie" in labels(found)) is tie
    if tie:
        said = only(found, "equal_skew_tie")["explanation"]
        assert ("ucarp steps down" in said) is ucarp
        assert ("a kernel steps down" in said.lower()) is not ucarp


def test_two_ucarps_of_255_are_a_tie(tmp_path: Path) -> None:
    tape = Tape()
    for n in range(6):
        for late, source in ((0, "192.0.2.1"), (3, "192.0.2.2")):
            tape.advert(n * 9 + late, source, 7, 255, base=255, ucarp=True, vips=(VIP,))
    found = analysis(tape, tmp_path)
    assert "sysctl" not in str(found["findings"])
    assert only(found, "equal_skew_tie")["nodes"] == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.parametrize("ucarp", [True, False])
def test_where_to_look_depends_on_the_system(ucarp: bool, tmp_path: Path) -> None:
    tape = lone(until=20, ucarp=ucarp)
    for second in range(60):
        tape.ask(second + 0.5, "02:00:00:00:00:60", "192.0.2.60", "192.0.2.61")
        tape.ask(second + 0.6, "02:00:00:00:00:61", "192.0.2.61", "192.0.2.60")
    remedy = only(analysis(tape, tmp_path), "master_gap")["remedy"]
    assert ("process of ucarp" in remedy) is ucarp
    assert ("sysctl" in remedy) is not ucarp


def joins(tape: Tape, *, asked: bool, version: int = 4) -> Tape:
    """Let both nodes report that they are members; and somebody ask."""
    for at, host, kind in ((1.5, 1, 0x16), (2.5, 2, 0x16), *(((5.5, 9, 0x11),) if asked else ())):
        if version == 4:
            group = ip("224.0.0.18") if kind == 0x16 else bytes(4)
            body = bytes((kind, 0, 0, 0)) + group
            packet = ipv4(f"192.0.2.{host}", "224.0.0.18", 2, body, ttl=1)
            tape.put(at, ether(f"02:00:00:00:00:0{host}", "01:00:5e:00:00:12", 0x0800, packet))
        else:
            code = 131 if kind == 0x16 else 130
            group = ip("ff02::12") if kind == 0x16 else bytes(16)
            packet = icmp6(f"fe80::{host}", "ff02::12", bytes((code, 0, 0, 0, 0, 0, 0, 0)) + group)
            tape.put(at, ether(f"02:00:00:00:00:0{host}", "33:33:00:00:00:12", 0x86DD, packet))
    return tape


def cut(beats: int = 40) -> Tape:
    """Record two masters that do not hear each other; their counters jump about."""
    tape = Tape()
    for n in range(beats):
        for late, host, skew in ((0, 1, 0), (0.4, 2, 100)):
            body = carp(7, 1, skew, (n * 7919 + host) * 10**12, vips=(VIP,))
            packet = ipv4(f"192.0.2.{host}", "224.0.0.18", 112, body, number=n)
            at = n * (1.002 + skew / 256) + late
            tape.put(at, ether(VIRTUAL, "01:00:5e:00:00:12", 0x0800, packet))
    return tape


@pytest.mark.parametrize("words", [(), ("-p", "plain bytes", "-a", VIP)])
@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(("asked", "beats"), [(True, 130), (False, 130), (False, 80)])
def test_members_without_a_querier_name_snooping(
    words: tuple[str, ...], version: int, asked: bool, beats: int, tmp_path: Path
) -> None:
    found = analysis(joins(cut(beats), asked=asked, version=version), tmp_path, *words)
    told = [f for f in found["findings"] if f["label"] in ("partition", "authentication_mismatch")]
    (one,) = told
    absent = not asked and beats * 1.39 > 125  # a querier asks every 125 s (RFC 3376 8.2)
    assert ("was reported twice, and nobody asked" in one["explanation"]) is absent
    assert ("give this VLAN a querier" in one["remedy"]) is absent


@pytest.mark.parametrize(
    ("words", "says", "never"),
    [
        ((), "Give the passphrase (-p) and the shared addresses (-a)", "What was given"),
        (("-p", "another"), "Give the shared addresses (-a)", "Give the passphrase"),
        (("-p", "another", "-a", "192.0.2.99"), "What was given (-p, -a) explains", "Give the p"),
    ],
)
def test_nobody_is_asked_for_what_was_given(
    words: tuple[str, ...], says: str, never: str, tmp_path: Path
) -> None:
    one = only(analysis(cut(), tmp_path, *words), "authentication_mismatch")
    assert says in one["remedy"]
    assert never not in one["remedy"]


def rotated(before: dict[str, object], after: dict[str, object], *, both: bool = True) -> Tape:
    """Record a change on the backup, which takes over, and ten seconds later on the other."""
    tape = Tape()
    for second in range(60):
        first = after if both and second >= 30 else before
        tape.advert(second, "192.0.2.1", 7, 0, **first)  # type: ignore[arg-type]
        if 20 <= second < 30 or (not both and second >= 20):
            tape.advert(second + 0.4, "192.0.2.2", 7, 100, **after)  # type: ignore[arg-type]
    return tape


TWO = (VIP, "192.0.2.11")
KEYS = ("-p", "plain bytes", "-p", "other bytes", "-a", VIP, "-a", "192.0.2.11")


@pytest.mark.parametrize(("label", "before", "after"), [
    ("address_set_mismatch", {"vips": (VIP,)}, {"vips": TWO}),
    ("address_set_mismatch", {"vips": TWO}, {"vips": (VIP,)}),
    ("passphrase_mismatch", {"vips": TWO}, {"vips": TWO, "passphrase": "other bytes"}),
])  # fmt: skip
@pytest.mark.parametrize("both", [True, False])
def test_what_was_mended_is_left_as_it_is(
    label: str, before: dict[str, object], after: dict[str, object], tmp_path: Path, *, both: bool
) -> None:
    remedy = only(analysis(rotated(before, after, both=both), tmp_path, *KEYS), label)["remedy"]
    assert ("Nothing is left to change" in remedy) is both
    assert ("ifconfig" in remedy) is not both


@pytest.mark.parametrize(("ucarp", "keys", "signed"), [
    (False, ("-p", "plain bytes", "-a", VIP), True),
    (False, ("-p", "another", "-a", VIP), False),
    (True, ("-p", "plain bytes", "-a", VIP), False),
])  # fmt: skip
def test_an_address_that_a_kernel_signs_is_not_added_again(
    ucarp: bool, keys: tuple[str, ...], tmp_path: Path, *, signed: bool
) -> None:
    tape = beside(answered_by(every=1.0, until=20, master=lone(ucarp=ucarp)))
    one = only(analysis(tape, tmp_path, *keys), "address_unanswered")
    assert ("the address is on its vhid" in one["explanation"]) is signed
    assert ("tcpdump -ni IF arp" in one["remedy"]) is signed
    assert ("alias" in one["remedy"] or "restart ucarp" in one["remedy"]) is not signed


def test_an_address_that_a_kernel_signs_no_more_is_added_again(tmp_path: Path) -> None:
    tape = Tape()
    for second in range(40):
        tape.advert(second, "192.0.2.1", 7, vips=TWO if second < 10 else TWO[1:])
    one = only(
        analysis(beside(answered_by(every=1.0, until=20, master=tape)), tmp_path, *KEYS),
        "address_unanswered",
    )
    assert f"{VIP}/32 alias" in one["remedy"]
