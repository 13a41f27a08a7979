"""Who signs differently, since when, and what counters prove without any secret."""

import random
from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.core.units import SECOND
from carpscope.pipeline import Analysis, analyze
from carpscope.timeline.equal_counters import proof, proofs
from carpscope.timeline.relations import relations
from carpscope.timeline.signing import Difference, disagreements
from carpscope.wire.ip import ipv4
from tests.auth.shipment import GROUP4, START, frame, write
from tests.timeline.signers import OTHER, WORD, Says, Way, binary, labels, only, run, sent

A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"
ONE = Way(("10.0.0.50",))
TWO = Way(("10.0.0.50", "10.0.0.51"))
NEW = Way(("10.0.0.50",), OTHER)
BOTH = ["10.0.0.50", "10.0.0.51"]


def side(source: str, way: Way, seconds: range, counter: int, skew: int = 0) -> list[Says]:
    """A lone master: random counters, made of a first one."""
    late = 0.3 * (source != A)
    return [
        Says(s + late, source, (counter * 7919 * (s + 1)) & (1 << 63) - 1, way, skew)
        for s in seconds
    ]


@pytest.mark.parametrize(
    ("left", "right", "difference", "label"),
    [
        (ONE, TWO, Difference.ADDRESSES, "address_set_mismatch"),
        (ONE, NEW, Difference.PASSPHRASE, "passphrase_mismatch"),
        (TWO, NEW, Difference.BOTH, "passphrase_mismatch"),
        (ONE, Way((), b""), Difference.BOTH, None),
        (ONE, Way(("10.0.0.50",), b""), Difference.PASSPHRASE, "passphrase_mismatch"),
        (
            ONE,
            Way(("203.0.113.9", "203.0.113.10"), b"?"),
            Difference.UNDECIDED,
            "authentication_mismatch",
        ),
    ],
)
def test_what_differs(
    tmp_path: Path, left: Way, right: Way, difference: Difference, label: str | None
) -> None:
    talk = side(A, left, range(20), 11) + side(B, right, range(20), 13, skew=100)
    analysis = run(tmp_path, talk, [WORD, OTHER], BOTH)
    (found,) = disagreements(only(analysis))
    assert found.difference is difference
    assert (found.one.id, found.other.id) == (A, B)
    assert found.start == START + int(0.3 * SECOND)
    assert found.end == START + 19 * SECOND
    assert label is None or label in labels(analysis)
    assert "split_brain" in labels(analysis)


def test_alike_is_no_difference(tmp_path: Path) -> None:
    talk = side(A, TWO, range(20), 11) + side(B, TWO, range(20), 13, skew=100)
    analysis = run(tmp_path, talk, [WORD], BOTH)
    assert disagreements(only(analysis)) == []
    assert not labels(analysis) & {"address_set_mismatch", "passphrase_mismatch"}


def test_who_is_silent_is_not_accused(tmp_path: Path) -> None:
    talk = side(A, ONE, range(20), 11) + side(B, TWO, range(30, 50), 13)
    assert disagreements(only(run(tmp_path, talk, [WORD], BOTH))) == []


def test_two_situations_are_two_findings(tmp_path: Path) -> None:
    """Apart, alike for a minute and a half, and apart again."""
    talk = side(A, ONE, range(200), 11)
    talk += side(B, TWO, range(40), 13) + side(B, ONE, range(40, 130), 13)
    talk += side(B, TWO, range(130, 200), 13)
    analysis = run(tmp_path, talk, [WORD], BOTH)
    found = [f for f in analysis.findings if f.label == "address_set_mismatch"]
    assert [(f.start - START) // SECOND for f in found] == [0, 130]
    assert [(f.end - START) // SECOND for f in found] == [39, 199]
    assert len({f.identity for f in found}) == 2


def test_the_one_that_differs_from_the_rest(tmp_path: Path) -> None:
    talk = side(A, TWO, range(20), 11) + side(B, TWO, range(20), 13) + side(C, ONE, range(20), 17)
    analysis = run(tmp_path, talk, [WORD], BOTH)
    (found,) = [f for f in analysis.findings if f.label == "address_set_mismatch"]
    assert found.remedy == (
        f"Make {C} like the others: add 10.0.0.51 on {C}: "
        "ifconfig IF inet vhid 1 10.0.0.51/32 alias."
    )


def handed_over(later: Way) -> list[Says]:
    """Two nodes that count on from each other until second 10; then both from one counter.

    The worse one claims with the accepted counter plus one, which the better one sends too.
    """
    talk = [Says(s, A, 100 + s, ONE) for s in range(10)]
    talk += [Says(s, A, 100 + s, later) for s in range(10, 40)]
    talk += [Says(13.4 + s, B, 110 + s, ONE, skew=100) for s in range(25)]
    return talk


def test_equal_counters_prove_that_nodes_sign_alike(tmp_path: Path) -> None:
    """So it is the way that is cut: no mismatch is claimed."""
    group = only(run(tmp_path, handed_over(ONE)))
    one, other = group.members
    assert all(found.alike for found in proofs(one, other))
    assert proof(one, other, START, START + 60 * SECOND) is not None
    assert disagreements(group) == []
    assert "authentication_mismatch" not in labels(run(tmp_path, handed_over(ONE)))


@pytest.mark.parametrize("later", [TWO, NEW])
def test_equal_counters_prove_that_nodes_differ(tmp_path: Path, later: Way) -> None:
    analysis = run(tmp_path, handed_over(later))
    (found,) = disagreements(only(analysis))
    assert found.difference is Difference.PROVED
    assert found.proof is not None
    assert not found.proof.alike
    (finding,) = [f for f in analysis.findings if f.label == "authentication_mismatch"]
    assert finding.confidence >= 0.9
    assert "no loss on the way" in finding.explanation
    assert (finding.start - START) // SECOND == 13
    told = {(r.receiver.id, r.sender.id): r for r in relations(only(analysis))}
    assert told[A, B].relation in ("rejects", "unknown")


def test_far_apart_proves_nothing(tmp_path: Path) -> None:
    group = only(run(tmp_path, handed_over(NEW)))
    one, other = group.members
    assert proof(one, other, START + 50 * SECOND, START + 60 * SECOND) is None


def openbsd(way: Way, seconds: range, skew: int = 0) -> list[Says]:
    """An OpenBSD that never changes its counter; demotion tells it."""
    return [Says(s, A, 77, way, skew, impl="openbsd") for s in seconds]


def test_link_local_addresses_fail_one_way(tmp_path: Path) -> None:
    """OpenBSD takes what is signed with its own link-local address, and sends without."""
    own = "fe80::200:5eff:fe00:101"
    rest = ("10.0.0.50", "2001:db8::50")
    talk = openbsd(Way(rest), range(20))
    talk += [
        Says(s + 0.4, B, 9 + 7919 * s * s, Way((*rest, own)), 100, impl="netbsd") for s in range(20)
    ]
    # its IP ids are random, which is what tells it from an old pfSense
    analysis = run_with_ids(tmp_path, talk, A, [WORD], list(rest))
    (found,) = [f for f in analysis.findings if f.label == "address_set_mismatch"]
    assert found.summary == (
        f"{B} signs {own} as well, {A} does not: {B} refuses {A}, though {A} accepts {B}"
    )
    assert "OpenBSD never signs link-local addresses" in found.explanation
    assert f"add {own}" not in found.remedy
    assert f"ifconfig carpN inet6 {own} delete" in found.remedy
    told = {(r.receiver.id, r.sender.id): r.relation for r in relations(only(analysis))}
    assert told[B, A] == "rejects"
    assert told[A, B] != "rejects"


def run_with_ids(
    folder: Path, talk: list[Says], source: str, words: list[bytes], addresses: list[str]
) -> Analysis:
    """Analyze with random IPv4 ids for one sender."""
    draw = random.Random(3)
    frames = []
    for one in sent(talk):
        data = frame(one)
        if one.source == binary(source):
            body = ipv4(
                one.source,
                GROUP4,
                one.packet,
                protocol=112,
                tos=0x10,
                identification=draw.randrange(1, 65536),
            )
            data = data[:14] + body
        frames.append((one.at, data))
    path = write(folder / "ids.pcap", frames)
    with open_capture(path) as capture:
        return analyze([capture], Config(tuple(words), tuple(map(binary, addresses))))
