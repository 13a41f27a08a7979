"""What verifies, what does not, and what it changes: recorded frames and plain bytes."""

import json
from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.core.address import ip_text, parse_ip
from carpscope.detect.finding import Severity
from carpscope.pipeline import Analysis, analyze
from carpscope.report.document import document

DATA = Path(__file__).parents[1] / "data" / "signing"


def analyzed(name: str, *words: str, addresses: tuple[str, ...] = ()) -> tuple[Analysis, Config]:
    config = Config(
        tuple(w.encode() for w in words), tuple(parse_ip(a, where="-a") for a in addresses)
    )
    return analyze([open_capture(str(DATA / f"{name}.pcap"))], config), config


def labels(analysis: Analysis) -> set[str]:
    told = [finding for finding in analysis.findings if finding.severity is not Severity.INFO]
    return {finding.label for finding in told} - {"weak_passphrase"}


def statuses(analysis: Analysis, config: Config) -> dict[str, str]:
    found = json.loads(json.dumps(document(analysis, config)))
    return {n["id"]: n["authentication"]["status"] for g in found["groups"] for n in g["nodes"]}


def test_what_does_not_verify_between_what_does_changes_nothing() -> None:
    """After each advertisement of B one with its address, advbase 255 and a made-up HMAC."""
    analysis, config = analyzed("unsigned-between", "mekmitasdigoat", addresses=("10.0.0.100",))
    assert labels(analysis) >= {"split_brain", "unverified"}
    assert "advbase_mismatch" not in labels(analysis)
    nodes = {node.id: node for group in analysis.observer.groups.values() for node in group.members}
    assert {node.advbase for node in nodes.values()} == {1}
    assert set(statuses(analysis, config).values()) == {"verified"}
    told = next(f for f in analysis.findings if f.label == "unverified")
    (about,) = told.nodes
    assert told.frame_count == nodes[about].authentication.strangers
    assert told.attacker is not None
    assert ip_text(told.attacker.address or b"") == about


@pytest.mark.parametrize("known", [("secret",), ("secret", "othersecret")])
def test_a_changed_passphrase_is_a_change(known: tuple[str, ...]) -> None:
    """Verified ones end and others go on in the same beat: it is the node's own doing."""
    analysis, config = analyzed("changed-passphrase", *known, addresses=("10.0.0.100",))
    assert "unverified" not in labels(analysis)
    assert labels(analysis) & {"passphrase_mismatch", "authentication_mismatch"}
    changed = [node for g in analysis.observer.groups.values() for node in g.members]
    assert sorted(len(node.authentication.ways) for node in changed) == [1, 2]
    status = statuses(analysis, config)
    assert sorted(status.values()) == ["verified" if len(known) == 2 else "failed", "verified"]


def test_a_passphrase_that_fits_nothing_is_not_green() -> None:
    analysis, config = analyzed("wrong-passphrase", "no-such-word", addresses=("192.0.2.10",))
    (told,) = analysis.findings
    assert (told.label, told.severity.value) == ("unverified", "error")
    assert told.frame_count == sum(analysis.advertisements)
    assert set(statuses(analysis, config).values()) == {"failed"}
    assert analyze([open_capture(str(DATA / "wrong-passphrase.pcap"))], Config()).findings == []


def test_a_passphrase_as_a_gui_rewrites_it() -> None:
    analysis, config = analyzed("key-through-a-gui", 'it\'s "x y"', addresses=("10.0.0.100",))
    assert labels(analysis) == set()
    assert set(statuses(analysis, config).values()) == {"verified"}
    assert labels(analyzed("key-through-a-gui", "another", addresses=("10.0.0.100",))[0]) == {
        "unverified"
    }


@pytest.mark.parametrize("words", [(), ("mekmitasdigoat",)], ids=["keyless", "secrets"])
def test_who_only_copies_is_never_verified(words: tuple[str, ...]) -> None:
    """One made-up advertisement of its own, then counters and HMACs of the master."""
    analysis, config = analyzed("copier", *words, addresses=("10.0.0.100",))
    assert statuses(analysis, config)["10.0.0.77"] != "verified"
    told = next(f for f in analysis.findings if f.label == "replayed_advert")
    assert told.nodes == ("10.0.0.1",), "whose advertisements they are"
    assert told.attacker is not None
    assert ip_text(told.attacker.address or b"") == "10.0.0.77"
    assert "equal_skew_tie" not in labels(analysis)


@pytest.mark.parametrize("words", [(), ("mekmitasdigoat",)], ids=["keyless", "secrets"])
def test_a_replay_with_an_ip_id_of_its_own(words: tuple[str, ...]) -> None:
    """The master is dead, and one old advertisement is sent again with a new id each time."""
    analysis, _ = analyzed("replay-fresh-id", *words, addresses=("10.0.0.100",))
    assert labels(analysis) >= {"replayed_advert", "master_gap"}


def test_two_clusters_in_one_network_are_one_conflict() -> None:
    analysis, _ = analyzed(
        "two-clusters", "blue-anchor-91", "other-team-44",
        addresses=("10.130.0.100", "10.130.0.150"),
    )  # fmt: skip
    assert labels(analysis) == {"vhid_conflict"}
    told = next(f for f in analysis.findings if f.label == "vhid_conflict")
    assert "different networks" not in told.explanation + told.summary


def hears(analysis: Analysis, config: Config) -> dict[tuple[str, str], list[str]]:
    """Return what each pair's relations are, in order of time, by (from, to)."""
    found: dict[tuple[str, str], list[str]] = {}
    for group in json.loads(json.dumps(document(analysis, config)))["groups"]:
        for one in group["hears"]:
            found.setdefault((one["from"], one["to"]), []).append(one["relation"])
    return found


def test_constant_counters_are_no_sign_of_deafness() -> None:
    """Two of OpenBSD's own: a crash, a take-over and a preemption, all as they should be."""
    analysis, config = analyzed("two-openbsds", "xfuh", addresses=("172.28.94.139",))
    assert labels(analysis) == set()
    found = hears(analysis, config)
    assert "accepts" in {relations[-1] for relations in found.values()}
    assert not {"deaf", "rejects"} & {one for relations in found.values() for one in relations}


def test_who_refuses_another_does_not_step_down_for_it() -> None:
    """Two real ucarps with different passphrases; one is killed."""
    analysis, config = analyzed("killed", "secret", "secrit", addresses=("10.77.0.100",))
    ended = {
        node.id: [period.ended_by for period in node.master_periods]
        for group in analysis.observer.groups.values()
        for node in group.members
    }
    assert ended["10.77.0.2"][-1] == "silent"
    assert {relations[-1] for relations in hears(analysis, config).values()} == {"rejects"}


@pytest.mark.parametrize("known", [True, False])
def test_a_demotion_below_zero_is_no_lost_link(*, known: bool) -> None:
    words = ("copper-larch-19",) if known else ()
    analysis, config = analyzed("negative-demotion", *words, addresses=("10.83.0.1",))
    assert "one_way_link" not in labels(analysis)
    told = next(f for f in analysis.findings if f.label == "split_brain")
    assert "compared -10" in told.explanation
    assert "net.inet.carp.demotion" in told.remedy
    assert not any("deaf" in relations for relations in hears(analysis, config).values())


@pytest.mark.parametrize("words", [(), ("mekmitasdigoat",)], ids=["keyless", "secrets"])
def test_one_advertisement_of_a_third_hides_no_split_brain(words: tuple[str, ...]) -> None:
    analysis, _ = analyzed("one-frame", *words, addresses=("10.0.0.100",))
    told = next(f for f in analysis.findings if f.label == "split_brain")
    assert len(told.nodes) == 2
