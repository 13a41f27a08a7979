"""Two clusters of one network on one vhid, of which only one secret is known."""

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.detect.field import analysis, labels, only
from tests.plain import CARP_GROUP, CARP_GROUP6, Tape, carp, ether, icmp6, ip, ipv4, ipv6


class Cluster(NamedTuple):
    """Its nodes, the first MASTER, and what they sign."""

    nodes: tuple[str, ...]
    passphrase: str
    addresses: tuple[str, ...]
    counter: int
    ucarp: bool = False
    announces: bool = True


KERNELS = Cluster(("192.0.2.1", "192.0.2.2"), "known word", ("192.0.2.10",), 1 << 41)
OTHERS = Cluster(("192.0.2.3", "192.0.2.4"), "other word", ("192.0.2.20", "192.0.2.21"), 1 << 51)
UCARPS = Cluster(("192.0.2.5", "192.0.2.6"), "third word", ("192.0.2.30",), 1 << 61, ucarp=True)
ALONE = Cluster(("192.0.2.7",), "fourth word", ("192.0.2.40",), 1 << 55)
SIXES = Cluster(("fe80::1", "fe80::2"), "known word", ("2001:db8::10",), 1 << 41)
OTHER_SIXES = Cluster(("fe80::3", "fe80::4"), "other word", ("2001:db8::20",), 1 << 51)
SAME_ADDRESS = OTHERS._replace(addresses=KERNELS.addresses)
UNANNOUNCED = OTHERS._replace(announces=False)


def spoken(*clusters: Cluster) -> Tape:
    """Let each cluster have one MASTER, and a take-over after 30 s where it has two nodes."""
    tape = Tape()
    for late, cluster in enumerate(clusters):
        counter = cluster.counter
        for second in range(60):
            node = cluster.nodes[-1 if second >= 30 else 0]
            if second in {0, 33} and cluster.announces:
                for address in cluster.addresses:
                    announce(tape, second + 0.2 * late, cluster, address)
            is_silent = len(cluster.nodes) > 1 and 30 <= second < 33
            if not is_silent:
                counter += 1
                advert(tape, second + 0.2 * late, cluster, node, counter)
    return tape


def source(cluster: Cluster) -> str:
    return f"00:00:5e:00:{0 if cluster.ucarp else 1:02x}:07"


def advert(tape: Tape, at: float, cluster: Cluster, node: str, counter: int) -> None:
    skew = 100 * cluster.nodes.index(node)
    body = carp(7, 1, skew, counter, passphrase=cluster.passphrase, vips=cluster.addresses)
    if ":" in node:
        packet = ipv6(node, CARP_GROUP6, 112, body)
        frame = ether(source(cluster), "33:33:00:00:00:12", 0x86DD, packet)
    else:
        packet = ipv4(node, CARP_GROUP, 112, body, number=len(tape.frames))
        frame = ether(source(cluster), "01:00:5e:00:00:12", 0x0800, packet)
    tape.put(at, frame)


def announce(tape: Tape, at: float, cluster: Cluster, address: str) -> None:
    if cluster.ucarp:
        tape.announce(at - 0.01, f"02:00:00:00:00:{int(at > 30):02x}", address)
    elif ":" in address:
        option = b"\x02\x01" + bytes.fromhex(source(cluster).replace(":", ""))
        body = b"\x88\0\0\0\x20\0\0\0" + ip(address) + option
        packet = icmp6(address, "ff02::1", body)
        tape.put(at + 0.01, ether(source(cluster), "33:33:00:00:00:01", 0x86DD, packet))
    else:
        tape.announce(at + 0.01, source(cluster), address)


CONFLICTS = {
    "two-pairs": (KERNELS, OTHERS),
    "a-node-alone": (KERNELS, ALONE),
    "ucarps": (KERNELS, UCARPS),
    "ipv6": (SIXES, OTHER_SIXES),
}


@pytest.mark.parametrize("clusters", CONFLICTS.values(), ids=CONFLICTS)
@pytest.mark.parametrize("known", [0, 1], ids=["first", "second"])
def test_one_secret_tells_them(clusters: tuple[Cluster, ...], known: int, tmp_path: Path) -> None:
    found = analysis(spoken(*clusters), tmp_path, "-p", clusters[known].passphrase)
    assert labels(found) == {"vhid_conflict"}
    one = only(found, "vhid_conflict")
    assert "with passphrase #1" in one["explanation"]
    assert {n for c in clusters for n in c.nodes} >= set(one["nodes"])


def test_three_are_told_by_two_secrets(tmp_path: Path) -> None:
    words = ("-p", KERNELS.passphrase, "-p", OTHERS.passphrase)
    found = analysis(spoken(KERNELS, OTHERS, ALONE), tmp_path, *words)
    assert labels(found) == {"vhid_conflict"}
    assert "192.0.2.7" in only(found, "vhid_conflict")["nodes"]


@pytest.mark.parametrize("other", [SAME_ADDRESS, UNANNOUNCED], ids=["same", "unannounced"])
def test_who_may_be_one_cluster_is_none(other: Cluster, tmp_path: Path) -> None:
    found = analysis(spoken(KERNELS, other), tmp_path, "-p", KERNELS.passphrase)
    assert "vhid_conflict" not in labels(found)
    assert {"authentication_mismatch", "split_brain"} <= labels(found)
