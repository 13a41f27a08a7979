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
    # it went on in its beat: neither a farewell nor the end of its time as MASTER
    Case("stepped-down-that-did-not", "split_brain", says=r"both MASTER for 9\.4 s"),
    Case(
        "alias-reload-flapping",
        "flapping",
        "split_brain master_gap one_way_link",
        r"198\.51\.100\.181 fell silent 15 times right after its own claim.*Look at what runs",
        r"among 198\.51\.100\.181\.|raise advbase",
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
