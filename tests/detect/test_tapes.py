"""Rules that need more than advertisements, on captures that nothing of carpscope made."""

from pathlib import Path

import pytest

from carpscope.detect.engine import rules
from tests.detect.configured import written
from tests.detect.field import FIELD, analysis, labels, only
from tests.detect.tapes import (
    CASES,
    FW2,
    VIRTUAL,
    Case,
    answered_by,
    beside,
    failed_over,
    lone,
    together,
    two_vhids,
)
from tests.plain import Tape
from tests.program import run

SECRETS = ("-p", "plain bytes", "-a", "192.0.2.10,fe80::1,2001:db8::1")
SEVERITY = {rule.label: rule.severity.value for rule in rules()}


RUNS = [  # nobody announces the address of these torn groups: only a key shows that it is one
    pytest.param(case, words, id=f"{case.label}-{'fires' if case.fires else 'quiet'}-{secrets}")
    for case in CASES
    for secrets, words in (("secrets", SECRETS), ("keyless", ()))
    if words or not (case.label == "split_group" and case.fires)
]


@pytest.mark.parametrize(("case", "words"), RUNS)
def test_it_fires_where_it_should(case: Case, words: tuple[str, ...], tmp_path: Path) -> None:
    more = list(words)
    if case.config:
        (tmp_path / "carpscope.toml").write_text(case.config)
        more += ["--config", str(tmp_path / "carpscope.toml")]
    if case.files:
        more += [word for node in written(case.files, tmp_path) for word in ("--node", node)]
    found = analysis(case.make(), tmp_path, *more)
    assert (case.label in labels(found)) is case.fires
    if not case.fires:
        return
    one = next(f for f in found["findings"] if f["label"] == case.label)
    assert one["severity"] == SEVERITY[case.label]
    assert one["frames"] or case.label == "group_missing"
    assert one["start"] <= one["end"]
    assert all((one["summary"], one["explanation"], one["remedy"]))
    others = {"split_brain", "vhid_conflict", "vrrp_vrid_conflict", "address_conflict"}
    assert not (labels(found) - {case.label}) & others
    again = analysis(case.make(), tmp_path, *more)
    assert again["findings"] == found["findings"]


@pytest.mark.parametrize(
    ("name", "label", "says"),
    [
        ("different-vhid-same-address", "split_group", "10.27.0.10"),
        ("carp-and-vrrp3-of-one-pair", "split_group", "10.28.0.1"),
        ("ucarp-link-restart-vip-lost", "address_unanswered", "10.17.0.11 is MASTER"),
        ("openbsd-masters-that-never-advertise", "address_conflict", "nobody advertises vhid 5"),
        ("ucarp-killed-keeps-address", "address_conflict", "02:96:00:00:00:01"),
        ("ucarp-mac-spoof-filter-a", "address_conflict", "00:1a:4a:08:00:0b"),
    ],
)
def test_recordings(name: str, label: str, says: str, tmp_path: Path) -> None:
    found = analysis(FIELD / f"{name}.pcap", tmp_path)
    one = only(found, label)
    assert says in one["summary"]
    assert found["status"] == "failed"
    assert not labels(found) & {"vhid_conflict", "vrrp_vrid_conflict"}


def test_silent_masters_are_judged_without_an_advertisement() -> None:
    path = str(FIELD / "openbsd-masters-that-never-advertise.pcap")
    assert run("analyze", path).status == 1
    assert "two nodes answer for 10.24.0.1" in run("analyze", path).out


def test_a_torn_group_names_both_groups_and_is_critical(tmp_path: Path) -> None:
    found = analysis(two_vhids(), tmp_path, *SECRETS)
    one = only(found, "split_group")
    assert [one["group"], *one["other_groups"]] == ["vhid7", "vhid8"]
    assert {group["status"] for group in found["groups"]} == {"failed"}
    assert "192.0.2.1" in one["remedy"]


def test_many_torn_addresses_of_one_pair_are_one_finding(tmp_path: Path) -> None:
    tape = Tape()
    vips = tuple(f"192.0.2.{n}" for n in range(10, 30))
    for second in range(20):
        tape.advert(second, "192.0.2.1", 7, vips=vips)
        tape.advert(second + 0.3, "192.0.2.2", 8, vips=vips)
    one = only(analysis(tape, tmp_path, "-p", "plain bytes", "-a", ",".join(vips)), "split_group")
    assert "and 12 more" in one["summary"]


def test_copies_of_a_mirror_are_no_second_answer(tmp_path: Path) -> None:
    tape = answered_by("00:00:5e:00:01:07", master=Tape())
    assert labels(analysis(together(tape, tape), tmp_path)) == set()


def test_a_vantage_on_the_other_node_does_not_see_answers(tmp_path: Path) -> None:
    """All answers there are have one end in common: the capture may be that host's."""
    tape = answered_by(every=1.0)
    for at in (3.2, 9.2):
        tape.answer(at, "02:00:00:00:00:60", "192.0.2.60", "02:00:00:00:00:61", "192.0.2.61")
    assert "address_unanswered" not in labels(analysis(tape, tmp_path))
    assert "address_unanswered" in labels(analysis(beside(tape), tmp_path))


def test_split_roles_name_who_has_what(tmp_path: Path) -> None:
    config = tmp_path / "carpscope.toml"
    nodes = "".join(
        f'[[node]]\nname = "fw{n}"\naddresses = ["10.0.1.{n}", "10.0.2.{n}", "10.0.3.{n}"]\n'
        for n in (1, 2)
    )
    config.write_text(nodes)
    one = only(analysis(failed_over(2), tmp_path, "--config", str(config)), "split_roles")
    assert {one["group"], *one["other_groups"]} == {"vhid1", "vhid2", "vhid3"}
    assert one["ongoing"]


def test_an_unknown_card_of_another_vhid_is_no_conflict(tmp_path: Path) -> None:
    """The other ucarp announced long before its first advertisement: whose MAC it is is unknown."""
    tape = Tape()
    tape.announce(0.99, "02:00:00:00:00:01", "192.0.2.10")
    for second in range(1, 30):
        tape.advert(second, "192.0.2.1", 7, ucarp=True)
    for second in range(4, 30):
        tape.advert(second + 0.5, "192.0.2.2", 8, ucarp=True)
    for second in range(5, 28, 2):
        tape.ask(second + 0.7, "02:00:00:00:00:50", "192.0.2.50", "192.0.2.10")
        for one in ("02:00:00:00:00:01", "02:00:00:00:00:02"):
            tape.answer(second + 0.701, one, "192.0.2.10", "02:00:00:00:00:50", "192.0.2.50")
    assert "address_conflict" not in labels(analysis(tape, tmp_path))


def test_only_who_is_master_then_is_named(tmp_path: Path) -> None:
    """Both ucarps were MASTER in the election, seconds before a third host took the address."""
    one = only(analysis(FIELD / "ucarp-address-on-another-host.pcap", tmp_path), "address_conflict")
    assert one["nodes"] == ["10.9.0.4", "10.9.0.1"]
    assert "while 10.9.0.1 is MASTER" in one["summary"]


def test_who_announces_a_shared_address_is_not_named_by_it(tmp_path: Path) -> None:
    tape = lone()
    for second in (1, 2, 3):
        tape.announce(second + 0.001, VIRTUAL, "192.0.2.10")
    for second in (11, 14, 17):
        tape.announce(second + 0.5, FW2, "192.0.2.10")
    tape.frames.sort(key=lambda one: one[0])
    one = only(analysis(tape, tmp_path), "address_conflict")
    assert one["nodes"] == [FW2, "192.0.2.1"]
    assert one["summary"].startswith(f"{FW2} announced 192.0.2.10")


def test_a_ucarp_keeps_an_address_on_its_interface(tmp_path: Path) -> None:
    killed = only(analysis(FIELD / "ucarp-killed-and-answering.pcap", tmp_path), "address_conflict")
    assert "ip address delete" in killed["remedy"]
    assert "carpN" not in killed["remedy"]


def test_two_clusters_are_told_by_their_keys(tmp_path: Path) -> None:
    words = ["-p", "lab15word", "-p", "second15"]
    found = analysis(FIELD / "ucarp-two-clusters.pcap", tmp_path, *words)
    assert labels(found) == {"vhid_conflict"}
    assert "10.9.0.1 and 10.9.0.2 sign with" in only(found, "vhid_conflict")["explanation"]


@pytest.mark.parametrize(
    ("every", "moves", "is_told"),
    [(3, False, False), (3, True, True), (1, False, True), (1, True, True)],
)
def test_an_advertisement_sent_again_out_of_its_beat_is_no_master_that_lapsed(
    every: int, moves: bool, is_told: bool, tmp_path: Path
) -> None:
    """Invented in a flood that comes round again; OpenBSD's counter stays, in its beat."""
    tape = lone(vhid=9, until=60)
    for at in range(0, 20, every):
        if not moves:
            tape.counters["", 7] = 5_000
        tape.advert(at + 0.4, "192.0.2.77", 7)
    tape.frames.sort(key=lambda one: one[0])
    found = analysis(tape, tmp_path)
    gaps = [f for f in found["findings"] if f["label"] == "master_gap"]
    assert bool(gaps) is is_told
