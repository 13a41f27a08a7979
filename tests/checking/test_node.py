"""`--node`: names, keys and addresses of an analysis come from the nodes' files."""

import json
from pathlib import Path

from carpscope.checking.expect import expected
from carpscope.config import Config
from tests.checking.test_proof import text
from tests.detect.configured import written
from tests.detect.field import FIELD
from tests.program import capture, run

UNIT = """\
== {name}/network/interfaces
iface eth0 inet static
 address {own}/24
== {name}/systemd/system/ucarp.service
[Service]
ExecStart=/usr/sbin/ucarp -i eth0 -s {own} -v 1 -p quiet-harbour-17 -a 192.0.2.10
"""


def test_an_analysis_takes_keys_addresses_and_names_from_files(tmp_path: Path) -> None:
    files = UNIT.format(name="left", own="192.0.2.1") + UNIT.format(name="right", own="192.0.2.2")
    nodes = written(files, tmp_path)
    options = [word for node in nodes for word in ("--node", node)]
    found = run("analyze", "--json", *options, capture("ucarp-different-addresses"))
    assert found.status == 1
    (group,) = json.loads(found.out)["groups"]
    names = {node["name"]: node for node in group["nodes"]}
    assert set(names) == {"left", "right"}
    assert names["left"]["authentication"]["status"] == "verified"
    assert "quiet-harbour-17" not in found.out


def test_groups_are_expected_only_where_that_cannot_be_mistaken(tmp_path: Path) -> None:
    two = expected(written(text("freebsd-pair"), tmp_path / "two"), Config())
    assert two.groups == ()
    assert len(two.passphrases) == 1
    one = expected(written(text("freebsd-preempt-on-one-node"), tmp_path / "one"), Config())
    (group,) = one.groups
    assert group.vhid == 1
    assert group.master == ()
    assert [len(address) for address in group.nodes] == [4, 4]
    best = expected(written(text("freebsd-beside-openbsd"), tmp_path / "best"), Config())
    assert best.groups[0].master == (bytes((192, 0, 2, 11)),)


def test_a_sysctl_of_the_files_that_may_not_be_in_force_is_named(tmp_path: Path) -> None:
    """The files say that .12 leads and preempts; on the wire .11 goes on."""
    part = """\
== fw{n}/ifconfig.wm0
inet 192.0.2.1{n} netmask 255.255.255.0
== fw{n}/ifconfig.carp0
create
vhid 7 advskew {skew} carpdev wm0 pass quiet17
inet 192.0.2.10 netmask 255.255.255.0
== fw{n}/sysctl.conf
net.inet.carp.preempt=1
"""
    nodes = written(part.format(n=1, skew=100) + part.format(n=2, skew=0), tmp_path)
    options = [word for node in nodes for word in ("--node", node)]
    found = run("analyze", "--json", *options, str(FIELD / "netbsd-kernel-pair.pcap"))
    findings = {one["label"]: one for one in json.loads(found.out)["findings"]}
    remedy = findings["unexpected_master"]["remedy"]
    assert "fw2/sysctl.conf:1 switches it on" in remedy
    assert "sysctl net.inet.carp.preempt" in remedy
