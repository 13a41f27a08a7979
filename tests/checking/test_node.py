"""`--node`: names, keys and addresses of an analysis come from the nodes' files."""

import json
from pathlib import Path

from carpscope.checking.expect import expected
from carpscope.config import Config, ExpectedGroup, ExpectedSetting, Setting
from carpscope.core.units import SECOND
from carpscope.detect.rule import Context
from carpscope.detect.rules.cs112_demoted_master import DemotedMaster
from tests.checking.test_proof import text
from tests.detect.configured import written
from tests.detect.field import FIELD
from tests.detect.stage import Stage
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
    assert "fw2/sysctl.conf:1 switches preemption on" in remedy
    assert "sysctl net.inet.carp.preempt" in remedy


def test_a_file_that_deafens_a_master_is_named(tmp_path: Path) -> None:
    """Both lead on the wire; one's file keeps it from accepting advertisements."""
    part = """\
== fw{n}/rc.conf
ifconfig_em0="inet 10.23.0.1{n}/24"
ifconfig_em0_alias0="inet 10.23.0.1/32 vhid 23 advskew {n} pass a"
== fw{n}/sysctl.conf
net.inet.carp.preempt=1
net.inet.carp.allow={allow}
"""
    nodes = written(part.format(n=1, allow=1) + part.format(n=2, allow=0), tmp_path)
    options = [word for node in nodes for word in ("--node", node)]
    found = run("analyze", "--json", *options, str(FIELD / "ipfw-snap68.pcap"))
    findings = {one["label"]: one for one in json.loads(found.out)["findings"]}
    assert "unexpected_master" not in findings
    remedy = findings["split_brain"]["remedy"]
    assert "fw2/sysctl.conf:2 (net.inet.carp.allow=0) keeps 10.23.0.12 from accepting" in remedy
    assert "fw1/sysctl.conf" not in remedy


def test_a_file_that_demotes_who_leads_is_named(tmp_path: Path) -> None:
    """On the wire .11 leads with advskew 0, which its file would have demoted."""
    part = """\
== fw{n}/rc.conf
ifconfig_em0="inet 192.0.2.1{n}/24"
ifconfig_em0_alias0="inet 192.0.2.10/32 vhid 7 advskew {skew} pass a"
== fw{n}/sysctl.conf
net.inet.carp.preempt=1
net.inet.carp.demotion={demotion}
"""
    files = part.format(n=1, skew=0, demotion=240) + part.format(n=2, skew=100, demotion=0)
    options = [word for node in written(files, tmp_path) for word in ("--node", node)]
    found = run("analyze", "--json", *options, str(FIELD / "netbsd-kernel-pair.pcap"))
    findings = {one["label"]: one for one in json.loads(found.out)["findings"]}
    remedy = findings["unexpected_master"]["remedy"]
    assert "fw2/sysctl.conf:1 switches preemption on" in remedy
    assert "fw1/sysctl.conf:2 (net.inet.carp.demotion=240) demotes 192.0.2.11" in remedy
    assert "advertises 1/0" in remedy


def test_a_file_that_demotes_a_demoted_master_is_named() -> None:
    setting = ExpectedSetting(Setting.DEMOTES, (bytes((10, 0, 0, 1)),), "fw1/sysctl.conf:2")
    stage = Stage("demoted_master", advskew=240)
    stage.watches[0] = DemotedMaster(
        Context(stage.observer, Config(groups=(ExpectedGroup(1, settings=(setting,)),)))
    )
    stage.nodes[0].addresses.append(bytes((10, 0, 0, 1)))
    stage.claim(0, SECOND)
    stage.sight(0, 60 * SECOND)
    (found,) = stage.findings(60 * SECOND)
    assert "what demotes a (fw1/sysctl.conf:2)" in found.remedy
