"""Recordings of real nodes and rebuilt field reports: what must be said of them, and what not."""

import json
import re
from typing import NamedTuple

import pytest

from tests.program import ROOT, run

FIELD = ROOT / "tests/data/field"


class Case(NamedTuple):
    """A recording, labels of findings it must and must not give, and words likewise."""

    name: str
    find: str = ""
    never: str = ""
    says: str = ""
    never_says: str = ""


CASES = [
    Case("failover-called-forgery", "split_brain", "forged_skew replayed_advert"),
    # real ucarps whose worker ports got no multicast until 31 s: nothing was sent before 12.655
    Case(
        "kube-karp-deaf-workers",
        "split_brain one_way_link",
        "authentication_mismatch flapping master_gap",
        never_says=r"15:43:(0\d|10|11)\.|counter is constant|took over from the live",
    ),
    # three ports mirrored in both directions; two backups claim 0.2 s apart when the master dies
    Case("start-is-not-flapping", "", "flapping split_brain", never_says="preemption"),
    Case(
        "all-have-been-master",
        "split_brain",
        says=r"10\.125\.0\.1 and 10\.125\.0\.3 have both been MASTER for 35\.6 s",
        never_says="have all been",
    ),
    # it went on in its beat: neither a bow-out nor the end of its time as MASTER
    Case("stepped-down-that-did-not", "split_brain", says=r"both MASTER for 9\.4 s"),
    Case(
        "alias-reload-flapping",
        "flapping",
        "split_brain master_gap one_way_link",
        r"198\.51\.100\.181 fell silent 15 times right after its own claim.*Look at what runs",
        r"among 198\.51\.100\.181\.|raise advbase",
    ),
    # real ucarps, cut off for 20 s or stopped for 16 s: they count on from what was queued
    Case("ucarp-cut-off-counts-on-from-queue", "", "forged_skew replayed_advert"),
    Case("ucarp-stopped-counts-on-from-queue", "address_conflict", "forged_skew replayed_advert"),
    # captured on a node whose link was down for ten seconds; the others went on
    Case("capture-on-a-cut-off-node", "", "master_gap", "were sent and not captured"),
    # one odd copy names another vhid: that is no group that misses a master
    Case("malformed-is-no-group", "replayed_advert", "master_gap", "", "vhid 0: nobody"),
    Case(
        "carp-disabled-aliases-left",
        "split_brain authentication_mismatch",
        says=r"10\.100\.0\.2 announces 10\.100\.0\.11 and 10\.100\.0\.12 and 10\.100\.0\.3",
        never_says="speaks against different addresses",
    ),
    Case("pppoe-dial-deaf", "split_brain", "partition flapping master_gap", "", r"10:53:4[345]\."),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_is_said(case: Case) -> None:
    path = str(FIELD / f"{case.name}.pcap")
    found = {one["label"] for one in json.loads(run("analyze", "--json", path).out)["findings"]}
    assert set(case.find.split()) <= found
    assert not set(case.never.split()) & found
    words = re.sub(r"\s+", " ", run("analyze", path).out)
    assert re.search(case.says, words)
    assert not (case.never_says and re.search(case.never_says, words)), words


def test_no_remedy_takes_an_address_from_who_serves_it_alone() -> None:
    secrets = ["-p", "button-Rowan-10", *(f"-a10.100.0.{n}" for n in (1, 11, 12))]
    found = run("analyze", "--json", str(FIELD / "carp-disabled-aliases-left.pcap"), *secrets)
    (mismatch,) = (
        one for one in json.loads(found.out)["findings"] if one["label"] == "address_set_mismatch"
    )
    remedy = mismatch["remedy"]
    assert remedy.startswith("Take it back on 10.100.0.2: ifconfig IF inet vhid 1 10.100.0.1/32")
    assert "10.100.0.1 is served by 10.100.0.3 alone" in remedy
    assert "delete" not in remedy


def test_who_advertised_before_the_address_was_known_verifies_as_the_others_do() -> None:
    """Without the address a passphrase explains nothing until ARP names it.

    A backup that claims with the counter that it heard makes the HMAC of the master's own
    advertisement; who has verified may, so what came earlier is looked at again.
    """
    path = str(FIELD / "claim-before-the-address-is-known.pcap")
    for address in ([], ["-a", "10.77.208.251"]):
        told = json.loads(run("analyze", "--json", "-p", "8x5FFn6", *address, path).out)
        found = {one["label"] for one in told["findings"]}
        assert {"split_brain", "partition", "equal_skew_tie"} <= found
        assert "replayed_advert" not in found


@pytest.mark.parametrize(
    ("name", "address"), [("cut-off", "10.8.3.202"), ("stopped", "10.8.7.200")]
)
def test_a_ucarp_that_counts_on_from_its_queue_is_no_attacker(name: str, address: str) -> None:
    path = str(FIELD / f"ucarp-{name}-counts-on-from-queue.pcap")
    secrets = ("-p", "lantern-copper-8", "-a", address)
    found = json.loads(run("analyze", "--json", *secrets, path).out)["findings"]
    assert not {one["code"] for one in found} & {"CS301", "CS302"}
