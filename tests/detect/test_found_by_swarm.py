"""Elections that the swarm found misjudged, each as a small story of its own."""

from carpscope.auth.keyring import Keyring
from carpscope.core.address import parse_ip
from carpscope.detect.engine import Engine
from carpscope.detect.events import Event, EventWatch
from carpscope.detect.finding import Finding, Severity
from carpscope.detect.rule import Context
from carpscope.timeline.facts import Fact
from carpscope.timeline.observe import Observer
from carpscope.wire.decode import decode
from tests.simulated import PASSPHRASE, scenario, simulated

PREEMPT = "preempt = true"
ADDRESSES = tuple(
    parse_ip(text, where="") for text in ("10.0.0.100", "2001:db8::64", "2001:db8::65")
)


def analyzed(text: str) -> tuple[list[Finding], list[Event]]:
    """Simulate a scenario; give what is found and what is told."""
    observer = Observer(Keyring([PASSPHRASE.encode()]), ADDRESSES)
    engine, watch = Engine(Context(observer)), EventWatch()
    told: list[Event] = []

    def take(facts: list[Fact]) -> None:
        engine.see(facts)
        for fact in facts:
            told.extend(watch.see(fact))

    for frame in simulated(text):
        take(observer.see(decode(frame)))
    take(observer.finish())
    return engine.findings(observer.now), told


def labels(text: str) -> set[str]:
    """Give the labels of what a person should look at."""
    return {f.label for f in analyzed(text)[0] if f.severity is not Severity.INFO}


def node(impl: str, advskew: int, more: str = PREEMPT) -> str:
    return f'impl = "{impl}"\nadvskew = {advskew}\n{more}'


def repeated(event: str, first: float, count: int, every: float = 1.0) -> str:
    return "\n".join(f"{first + index * every} {event}" for index in range(count))


def test_backups_that_claim_at_once_sign_the_same_counter() -> None:
    # both count on from the bow-out; each of them is heard for the first time
    text = scenario(
        node("netbsd", 0),
        node("freebsd9", 60),
        node("freebsd9", 120),
        events='15 carp_down node="fw1"',
    )
    assert labels(text) == set()


def test_a_backup_that_hears_nothing_any_more_counts_on_from_what_it_heard_last() -> None:
    # the master has used that number since, and the backup has never spoken before
    text = scenario(
        node("freebsd13", 0, f"{PREEMPT}\nstart = 1.5"),
        node("netbsd", 60),
        node("freebsd9", 220, f"{PREEMPT}\nstart = 0.5"),
        events='15 partition a=["fw1","fw2"] b="fw3"',
    )
    assert labels(text) == {"partition", "split_brain"}


def test_a_backup_that_believed_a_replay_counts_on_from_it() -> None:
    both = f'{PREEMPT}\naddresses = ["10.0.0.100", "2001:db8::64"]'
    text = scenario(
        node("netbsd", 0, f"{both}\nstart = 0.8"),
        node("netbsd", 220, f"{both}\nstart = 0.4"),
        events=repeated('replay node="fw1"', 12.46, 6),
    )
    assert labels(text) == {"replayed_advert"}


def test_a_counter_that_a_node_reaches_again_is_no_forgery() -> None:
    # it learns OpenBSD's constant counter anew, and sends a bow-out under a number of before
    events = """25 carp_down node="fw1"
                27 carp_up node="fw1"
                36.5 carp_down node="fw1" """
    text = scenario(
        node("freebsd9", 0, f"{PREEMPT}\nstart = 4"),
        node("openbsd", 80),
        events=events,
        duration=45,
    )
    assert "forged_skew" not in labels(text)


def test_nodes_that_collide_on_a_slow_lan_hear_each_other() -> None:
    alike = "start = 0.2\nfirst_tick_us = 77\nhz = 100"
    text = scenario(
        node("freebsd13", 30, alike),
        node("freebsd13", 30, alike),
        top="[lan]\ndelay_us = 9000\n",
    )
    assert labels(text) == {"equal_skew_tie", "flapping"}


def test_a_node_that_starts_as_master_has_not_missed_what_was_sent_before() -> None:
    text = scenario(
        node("freebsd6", 0, f"{PREEMPT}\nstart = 0.3"),
        node("freebsd6", 150, f"{PREEMPT}\nstart = 0.5"),
    )
    assert labels(text) == set()


def test_a_replay_is_known_by_its_ip_id_whenever_it_comes() -> None:
    # twice as fast as the node itself: every second one is on its beat
    events = '20 crash node="fw1"\n' + repeated('replay node="fw1"', 20.4, 22)
    text = scenario(
        node("openbsd", 0, "advbase = 2"),
        node("openbsd", 100, "advbase = 2"),
        events=events,
        duration=70,
    )
    assert labels(text) == {"replayed_advert", "master_gap"}
    (attack,) = (f for f in analyzed(text)[0] if f.label == "replayed_advert")
    assert attack.frame_count >= 21  # the last may be on its beat


def test_who_steps_down_for_a_replay_changes_the_master_twice() -> None:
    text = scenario(
        node("freebsd13", 0),
        events=repeated('replay node="fw1"', 12.5, 5, 6),
        duration=50,
    )
    assert labels(text) == {"replayed_advert", "flapping"}


def test_different_advbase_that_never_meets_is_no_mismatch() -> None:
    text = scenario(
        node("netbsd", 0, "advbase = 3"),
        node("netbsd", 60, "start = 30"),
        events='22 crash node="fw1"',
        duration=60,
    )
    assert "advbase_mismatch" not in labels(text)


def test_a_claim_that_passes_a_better_one_is_no_change_of_master() -> None:
    # three backups claim at the bow-out; one stays, the others yield within milliseconds
    text = scenario(
        node("openbsd", 0),
        node("freebsd13", 50),
        node("freebsd13", 100),
        node("freebsd13", 200),
        events='27 carp_down node="fw1"\n44 carp_up node="fw1"',
        top="[lan]\ndelay_us = 3500\n",
        duration=60,
    )
    assert labels(text) == set()


def test_a_ucarp_yields_with_a_word_just_before_its_beat() -> None:
    long = f"{PREEMPT}\nadvbase = 5"
    text = scenario(
        node("freebsd13", 0, long),
        node("ucarp", 20, long),
        events='45 partition a="fw1" b="fw2"\n58 heal a="fw1" b="fw2"',
        duration=90,
    )
    assert labels(text) == set()


def test_who_was_there_then_is_told_also_when_all_fell_silent_since() -> None:
    slow = f'{PREEMPT}\ncapture_delivery = "block_1s"'
    text = scenario(
        node("ucarp", 0, f"{slow}\nstart = 0.1"),
        node("ucarp", 20, f"{slow}\nstart = 1.1"),
        events='''20 link_down node="fw1"
                  27.4 link_up node="fw1"
                  32.7 link_down node="fw1"''',
        duration=50,
    )
    told = [(event.label, event.nodes) for event in analyzed(text)[1]]
    assert ("preemption", ("10.0.0.2", "10.0.0.1")) in told
    assert all(len(set(nodes)) == len(nodes) for _, nodes in told)


def test_a_restarted_openbsd_has_another_constant_counter() -> None:
    # over IPv6 there is no id that would tell; one advertisement came before the restart
    six = f'{PREEMPT}\naddresses = ["2001:db8::64"]'
    text = scenario(
        node("freebsd13", 0, f"{six}\nstart = 1.2"),
        node("openbsd", 80, six),
        events="""12 crash node="fw2"
                  16 restart node="fw2"
                  22 crash node="fw1" """,
    )
    assert labels(text) == set()


def test_openbsd_tells_its_demotion_at_once_in_both_families() -> None:
    both = f'{PREEMPT}\naddresses = ["10.0.0.100", "2001:db8::64"]'
    text = scenario(
        node("openbsd", 0, both),
        node("freebsd13", 150, both),
        events='15.35 demote node="fw1" value=1\n25 demote node="fw1" value=-1',
    )
    # a FreeBSD does not take it into account, and does not take over
    assert labels(text) == {"demoted_master"}


def test_openbsd_of_2025_waits_three_whole_periods() -> None:
    text = scenario(node("freebsd13", 0), node("openbsd2025", 220), events='12.9 crash node="fw1"')
    assert labels(text) == set()


def test_who_says_bow_out_and_goes_on_in_its_beat_has_not_said_it() -> None:
    # OpenBSD repeats its counter, and over IPv6 there is no id
    six = f'{PREEMPT}\naddresses = ["2001:db8::64"]'
    text = scenario(
        node("openbsd", 0, six),
        node("openbsd", 150, six),
        events='17.4 forge node="fw1" advbase=255 advskew=255',
    )
    assert labels(text) == {"forged_skew"}


def test_a_node_that_claims_while_it_is_given_its_addresses_signs_the_first_alone() -> None:
    two = f'{PREEMPT}\naddresses = ["2001:db8::64", "2001:db8::65"]'
    text = scenario(
        node("freebsd6", 0, f"{two}\nstart = 0.6"),
        node("freebsd6", 50, f"{two}\nstart = 0.5"),
    )
    assert labels(text) == set()
