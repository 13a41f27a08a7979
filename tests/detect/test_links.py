"""What is said of links that fail, of made ones: how sure, how often, and what replay adds."""

import pytest

from carpscope.auth.keyring import Keyring
from carpscope.core.units import SECOND
from carpscope.detect.broken_links import REPLAY_HISTORY, REPLAY_NODES, missed_text, replay_text
from carpscope.detect.rule import Context
from carpscope.detect.rules.cs203_authentication_mismatch import _keyless
from carpscope.detect.rules.cs501_one_way_link import OneWay
from carpscope.detect.rules.cs502_partition import Partition
from carpscope.detect.words import times
from carpscope.timeline.group import Group
from carpscope.timeline.links import BrokenLink, LinkTrouble
from carpscope.timeline.node import Node
from carpscope.timeline.observe import Observer

CONTEXT = Context(Observer(Keyring([]), ()))
VIP, OTHER = bytes((10, 0, 0, 100)), bytes((10, 0, 0, 101))


def link(
    trouble: LinkTrouble = LinkTrouble.ONE_WAY,
    *,
    missed: int = 5,
    answered: int = 3,
    ignored: int = 4,
    ever: bool = False,
    size: int = 2,
) -> BrokenLink:
    """Let b not accept a."""
    group = Group((), 1)
    nodes = [Node(chr(97 + n), n, advbase=1, advskew=50 * n, first=SECOND) for n in range(size)]
    for n, node in enumerate(nodes):
        group.nodes[bytes((10, 0, 0, n + 1))] = node
    return BrokenLink(
        group, nodes[0], nodes[1], trouble, 2 * SECOND, 9 * SECOND, [3, 1, 3], 7, missed, answered,
        ignored, ever=ever,
    )  # fmt: skip


@pytest.mark.parametrize(("missed", "word"), [(1, "once"), (2, "twice")])
def test_how_often_it_went_on(missed: int, word: str) -> None:
    assert missed_text(link(missed=missed)) == (
        f"b (1/50) went on or claimed {word} although a (1/0) advertised, for which it would "
        "have to step down"
    )


@pytest.mark.parametrize(("answered", "sure"), [(0, 0.85), (2, 0.85), (3, 0.95)])
def test_how_sure_a_one_way_link_is(answered: int, sure: float) -> None:
    found = OneWay(CONTEXT).finding(link(answered=answered))
    assert (found.confidence, found.nodes, found.frames) == (sure, ("a", "b"), (3, 1))
    assert (found.start, found.end, found.frame_count) == (2 * SECOND, 9 * SECOND, 7)
    assert f"continued that of b {times(answered)}" in found.explanation


@pytest.mark.parametrize("is_alike", [True, False])
@pytest.mark.parametrize(
    ("trouble", "sure"), [(LinkTrouble.BOTH_WAYS, 0.95), (LinkTrouble.UNDECIDED, 0.6)]
)
def test_how_sure_a_partition_is(trouble: LinkTrouble, sure: float, is_alike: bool) -> None:
    cut = link(trouble)
    cut.is_alike = is_alike
    found = Partition(CONTEXT).finding(cut)
    assert (found.nodes, found.frames) == (("a", "b"), (3, 1))
    assert found.confidence == (sure if is_alike else 0.5)
    assert ("perhaps not the reverse" in found.summary) == (sure < 0.9)
    assert ("a did not react to b 4 times either" in found.explanation) == (sure > 0.9)
    assert ("Both sign alike." in found.explanation) == is_alike
    assert ("or they sign differently" in found.summary) != is_alike
    assert ("another passphrase or address" in found.remedy) != is_alike


def test_replay_is_for_few_nodes_and_a_short_history() -> None:
    assert replay_text(link(size=REPLAY_NODES)) == "", "there is nothing to replay"
    assert replay_text(link(size=REPLAY_NODES + 1)) == ""
    assert (REPLAY_NODES, REPLAY_HISTORY) == (4, 4096)


def test_which_troubles_are_whose() -> None:
    assert OneWay.troubles == (LinkTrouble.ONE_WAY,)
    assert Partition.troubles == (LinkTrouble.BOTH_WAYS, LinkTrouble.UNDECIDED)


# ---- without any secret


def test_what_packets_alone_tell_of_two_that_refuse() -> None:
    found = _keyless([link(ever=False)], CONTEXT)
    assert found.summary == "a and b have never accepted each other's advertisements"
    assert (found.confidence, found.frames, found.frame_count) == (0.6, (3, 1, 3), 7)
    assert (found.start, found.end) == (2 * SECOND, 9 * SECOND)
    assert "b went on 5 times although a," in found.explanation
    assert "the counter of a ignores b as well" in found.explanation
    assert found.remedy.endswith("says so: `netstat -s -p carp` counts bad authentication.")
    one_sided = _keyless([link(ignored=0)], CONTEXT)
    assert "whether a accepts b cannot be seen" in one_sided.explanation
    before = _keyless([link(ever=True)], CONTEXT)
    assert before.summary == "a and b no longer accept each other's advertisements"


def test_several_links_of_a_group_are_one_finding() -> None:
    first, second = link(), link(ever=True)
    second.receiver = Node("c", 2, first=SECOND)
    second.sender = first.sender
    second.start, second.end = SECOND, 12 * SECOND
    found = _keyless([first, second], CONTEXT)
    assert found.nodes == ("a", "b", "c")
    assert (found.start, found.end, found.frame_count) == (SECOND, 12 * SECOND, 14)
    pairs = "a with b and a with c"
    told = f"These pairs no longer accept each other's advertisements: {pairs}"
    assert found.summary == told
    assert "b went on 5 times although a," in found.explanation
    late = link()
    late.sender.first = 5 * SECOND
    late.receiver.first = 6 * SECOND
    assert _keyless([late], CONTEXT).start == 5 * SECOND, "nothing is known from before"


@pytest.mark.parametrize(
    ("mine", "theirs", "sure", "told"),
    [
        ((VIP,), (OTHER,), 0.8, "that points to different address sets."),
        ((VIP,), (VIP,), 0.6, "All announce 10.0.0.100: that speaks against different"),
        ((VIP,), (), 0.6, ""),
    ],
)
def test_announcements_make_one_or_the_other_likelier(
    mine: tuple[bytes, ...], theirs: tuple[bytes, ...], sure: float, told: str
) -> None:
    one = link()
    one.sender.announced = dict.fromkeys(mine, 0)
    one.receiver.announced = dict.fromkeys(theirs, 0)
    found = _keyless([one], CONTEXT)
    if not told:
        assert "announce" not in found.explanation
    elif sure > 0.7:
        assert "a announces 10.0.0.100 and b announces 10.0.0.101: that points to" in (
            found.explanation
        )
    else:
        assert told in found.explanation


def test_a_ucarp_says_it_in_its_own_log() -> None:
    one = link()
    one.sender.mac = bytes.fromhex("00005e000001")
    one.sender.adverts = 9
    mixed = _keyless([one], CONTEXT).remedy
    assert "ucarp logs `Bad digest` and `netstat -s -p carp` counts" in mixed
    one.receiver.mac = one.sender.mac
    assert _keyless([one], CONTEXT).remedy.endswith("says so: ucarp logs `Bad digest`.")
