"""What `check` says to write is in the words of the system whose file it is."""

from pathlib import Path

import pytest

from carpscope.checking.run import CheckResult, Wishes, check
from carpscope.detect.configured import SettledFinding
from tests.detect.configured import written

ROOTS = {"pfSense": "pfsense", "OPNsense": "opnsense"}
PAGES = {"pfSense": "Firewall > Virtual IPs", "OPNsense": "Interfaces > Virtual IPs"}


def gui(
    system: str, host: int, *, skew: int = 0, alias: bool = False, key: str = "basalt-9"
) -> str:
    """Return a config.xml of one CARP address, and perhaps an alias on it."""
    on = "<interface>_vip5f1</interface>"
    if system == "OPNsense":
        on = "<interface>lan</interface><vhid>12</vhid>"
    more = f"<vip><mode>ipalias</mode>{on}<subnet>10.20.0.9</subnet></vip>" if alias else ""
    root = ROOTS[system]
    return f"""== n{host}/pf{host}.xml
<?xml version="1.0"?>
<{root}><system><hostname>n{host}</hostname></system>
<interfaces><lan><if>igb1</if><enable>1</enable><ipaddr>10.20.0.{host}</ipaddr>
<subnet>24</subnet></lan></interfaces>
<virtualip><vip><mode>carp</mode><interface>lan</interface><vhid>12</vhid>
<advskew>{skew}</advskew><advbase>1</advbase><password>{key}</password><uniqid>5f1</uniqid>
<subnet_bits>24</subnet_bits><subnet>10.20.0.1</subnet></vip>{more}</virtualip></{root}>
"""


def checked(text: str, folder: Path) -> CheckResult:
    """Check files by their names, each of a node of its own."""
    nodes = [Path(one) for one in written(text, folder)]
    named = [f"{node.name}={next(node.iterdir())}" for node in nodes]
    return check(named, Wishes(events=1))


def only(found: CheckResult, label: str) -> SettledFinding:
    """Return the one finding of a label."""
    (one,) = (one for one in found.findings if one.label == label)
    return one


@pytest.mark.parametrize("system", PAGES)
def test_an_alias_is_added_on_the_page_of_the_firewall(system: str, tmp_path: Path) -> None:
    found = checked(gui(system, 2, alias=True) + gui(system, 3, skew=100), tmp_path)
    remedy = only(found, "address_set_mismatch").remedy
    assert remedy.startswith(f"On n3, {PAGES[system]}")
    assert "add 10.20.0.9 as an IP Alias" in remedy
    assert "vhid 12" in remedy
    assert "ifconfig" not in remedy


@pytest.mark.parametrize("system", PAGES)
def test_an_advskew_is_set_on_the_page_of_the_firewall(system: str, tmp_path: Path) -> None:
    found = checked(gui(system, 2) + gui(system, 3), tmp_path)
    assert f"on n3, {PAGES[system]}" in only(found, "equal_skew_tie").remedy


@pytest.mark.parametrize("system", PAGES)
def test_the_spaces_of_a_passphrase_are_named(system: str, tmp_path: Path) -> None:
    both = gui(system, 2, key="basalt 9") + gui(system, 3, skew=100, key="basalt 9")
    one = only(checked(both, tmp_path), "passphrase_rewritten")
    assert "the GUI removes its spaces" in one.summary
    assert PAGES[system] in one.remedy
    assert "pass ***" not in one.remedy


@pytest.mark.parametrize("system", PAGES)
def test_passphrases_are_entered_on_the_page_of_the_firewall(system: str, tmp_path: Path) -> None:
    found = checked(gui(system, 2) + gui(system, 3, skew=100, key="another"), tmp_path)
    remedy = only(found, "passphrase_mismatch").remedy
    assert PAGES[system] in remedy
    assert "pass ***" not in remedy


def rc(host: int, *words: str) -> str:
    """Return an rc.conf of FreeBSD."""
    return f"""== n{host}/rc.conf
hostname="n{host}"
ifconfig_em0="inet 10.20.0.{host}/24"
ifconfig_em0_alias0="inet vhid 12 advskew {host} pass basalt-9 alias 10.20.0.1/24"
{"".join(f"{word}{chr(10)}" for word in words)}"""


def test_freebsd_has_a_line_of_its_rc_conf(tmp_path: Path) -> None:
    more = 'ifconfig_em0_alias1="inet vhid 12 10.20.0.9/32"'
    remedy = only(checked(rc(2, more) + rc(3), tmp_path), "address_set_mismatch").remedy
    assert 'ifconfig_em0_aliasN="inet 10.20.0.9/32 vhid 12"' in remedy


def ucarp(host: int, *words: str) -> str:
    """Return a script that starts ucarp."""
    return (
        f"== n{host}/start.sh\n#!/bin/sh\n"
        f"ucarp -i eth0 -s 10.8.1.{host} -p birch-7 -k {host} -P {' '.join(words)} -B\n"
    )


def test_ucarps_of_two_addresses_do_not_swap_them(tmp_path: Path) -> None:
    two = ucarp(2, "-v 42 -a 10.8.1.200") + ucarp(3, "-v 42 -a 10.8.1.201")
    for one in checked(two, tmp_path).findings:
        if one.label == "address_set_mismatch":
            assert "the same address on every node" in one.remedy
            assert "after line" not in one.remedy


@pytest.mark.parametrize("number", ["--vhid=042", "-v 042", "-v042", "--vhid 042"])
@pytest.mark.parametrize("first", [True, False])
def test_a_vhid_in_octal_is_named(number: str, tmp_path: Path, *, first: bool) -> None:
    words = (number, "-v 42") if first else ("-v 42", number)
    two = "".join(ucarp(n, word, "-a 10.8.1.200") for n, word in enumerate(words, 2))
    one = only(checked(two, tmp_path), "split_group")
    wrong, right = ("n2", "n3") if first else ("n3", "n2")
    assert "042 is read as octal: 34" in one.explanation
    assert "--vhid=42" in one.remedy
    assert f"{wrong}/start.sh" in one.remedy
    assert f"{right}/start.sh" not in one.remedy


def test_a_vhid_in_octal_that_is_out_of_range_is_named(tmp_path: Path) -> None:
    two = ucarp(2, "-v 08 -a 10.8.1.200") + ucarp(3, "-v 8 -a 10.8.1.200")
    assert "08 is read as octal: 0" in only(checked(two, tmp_path), "vhid_out_of_range").explanation


def test_different_vhids_without_octal_name_no_octal(tmp_path: Path) -> None:
    two = ucarp(2, "-v 34 -a 10.8.1.200") + ucarp(3, "-v 42 -a 10.8.1.200")
    one = only(checked(two, tmp_path), "split_group")
    assert "octal" not in one.explanation + one.remedy
