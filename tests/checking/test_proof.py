"""What the simulator proves of a declared group, and that a wrong machine is found out."""

import json
from pathlib import Path

import pytest

from carpscope.checking.run import CheckResult, Wishes, check
from carpscope.protocol import election
from carpscope.protocol.election import claim
from carpscope.protocol.events import Reason
from carpscope.protocol.profile import Profile
from carpscope.protocol.rules import Comparison
from carpscope.sim.scenario import load
from carpscope.sim.world import World
from tests.detect.configured import checked, labels, written
from tests.program import run

pytestmark = pytest.mark.slow

CLUSTERS = Path(__file__).parents[1] / "data" / "check"


def text(name: str) -> str:
    return "== " + (CLUSTERS / f"{name}.conf").read_text().partition("\n== ")[2]


def proved(name: str, folder: Path, events: int = 3) -> CheckResult:
    return checked(text(name), folder, events=events)


def test_three_nodes_and_three_events_are_searched_whole(tmp_path: Path) -> None:
    found = proved("openbsd-three-nodes", tmp_path)
    for proof in found.proofs:
        assert proof is not None
        assert proof.explored.limit == ""
        assert proof.explored.courses > 1000
        assert proof.explored.counterexample is None
        assert len(proof.proof.orders) == 6
    assert labels(found) <= {"secret_readable"}


def _deaf_to_preempt(
    profile: Profile, c: Comparison, *, preempt: bool, ratio: int
) -> Reason | None:
    del preempt
    return claim(profile, c, preempt=False, ratio=ratio)


def test_a_machine_that_never_preempts_gives_a_counterexample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(election, "claim", _deaf_to_preempt)
    (first, *_) = proved("freebsd-pair", tmp_path).proofs
    assert first is not None
    assert first.explored.counterexample is not None
    assert first.explored.counterexample.kind == "other"


def test_a_machine_that_ignores_the_skew_gives_a_counterexample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(election, "microseconds", lambda _skew: 0)
    (first, *_) = proved("freebsd-pair", tmp_path).proofs
    assert first is not None
    assert first.explored.counterexample is not None


BLOCKED = "block return\npass out\n"


def test_every_counterexample_replays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = text("openbsd-three-nodes") + f"== c1/pf.conf\n{BLOCKED}"
    nodes = written(files, tmp_path)
    monkeypatch.chdir(tmp_path)
    found = run("check", "--json", "-w", "out", *[Path(node).name for node in nodes])
    assert found.status == 1
    groups = json.loads(found.out)["groups"]
    counter = groups[0]["proof"]["counterexample"]
    assert counter["ends_with"] == "two"
    (path, *_) = sorted(Path("out").glob("vhid-1*.json"))
    world = World(load(path))
    record = world.run()
    masters = {change.node for change in record.changed if change.new.value == "MASTER"}
    assert {"c1", "c2"} <= masters or len(masters) > 1
    told = run("simulate", str(path))
    assert told.status == 0
    assert "quiet-harbour-17" not in path.read_text()


def test_unicast_that_only_rules_block_is_assumed_to_pass(tmp_path: Path) -> None:
    rules = "pf_enable=YES\n"
    pf = "block all\npass out on em0 proto carp\n"
    words = "inet vhid 1 advskew {} peer 192.0.2.1{} pass quiet alias 192.0.2.1/32"
    one = f'ifconfig_em0_alias0="{words}"\n'
    parts = [
        f'== fw{n}/rc.conf\nifconfig_em0="inet 192.0.2.1{n}/24"\n{one.format(n * 50, 3 - n)}{rules}'
        f"== fw{n}/pf.conf\n{pf}"
        for n in (1, 2)
    ]
    found = checked("".join(parts), tmp_path)
    assert "carp_blocked_by_firewall" in labels(found)
    (proof,) = found.proofs
    assert proof is not None
    assert proof.proof.masters == ("fw1",)
    assert any("rules are read" in told for told in proof.assumed)


def test_hand_overs_keep_to_the_timers(tmp_path: Path) -> None:
    found = proved("freebsd-pair", tmp_path, events=1)
    (first, *_) = found.proofs
    assert first is not None
    spans = {one.event: one for one in first.proof.handovers}
    crash = spans["crash"]
    assert crash.to == "fw2"
    assert crash.least is not None
    assert crash.most is not None
    # 3 advbase and the skew, less an interval of fw1; a sixteenth later at the most
    assert 2_380_000_000 <= crash.least <= 2_420_000_000
    assert 3_390_000_000 <= crash.most <= 3_660_000_000
    assert spans["return"].to == "fw1"


def test_without_preempt_the_order_of_boots_decides(tmp_path: Path) -> None:
    files = text("freebsd-pair").replace("carp.preempt=1", "carp.preempt=0")
    found = check(written(files, tmp_path), Wishes(events=0))
    (first, *_) = found.proofs
    assert first is not None
    assert first.proof.orders["fw1", "fw2"] == ("fw1",)
    assert first.proof.orders["fw2", "fw1"] == ("fw2",)
    assert "unexpected_master" not in labels(found)


@pytest.mark.long
def test_two_processes_and_three_events_are_searched_whole(tmp_path: Path) -> None:
    unit = "[Service]\nExecStart=/usr/sbin/ucarp -i eth0 -s 192.0.2.1{0} -v 5 -p oak -P -k {0}"
    files = "".join(
        f"== u{n}/systemd/system/ucarp.service\n{unit.format(n)} -a 192.0.2.1\n" for n in (1, 2)
    )
    (proof,) = checked(files, tmp_path, events=3).proofs
    assert proof is not None
    assert (proof.explored.limit, proof.explored.counterexample) == ("", None)
    assert proof.explored.courses > 10_000


def test_a_limit_that_was_hit_is_said(tmp_path: Path) -> None:
    words = "inet vhid 1 advskew {} pass quiet alias 192.0.2.1/32"
    parts = [
        f'== fw{n}/rc.conf\nifconfig_em0="inet 192.0.2.1{n}/24"\n'
        f'ifconfig_em0_alias0="{words.format(n * 30)}"\n'
        for n in range(1, 7)
    ]
    found = check(written("".join(parts), tmp_path), Wishes(events=0))
    (proof,) = found.proofs
    assert proof is not None
    assert "120 orders of boot" in proof.limits
