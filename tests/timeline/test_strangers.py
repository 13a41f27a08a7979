"""What invented senders cost, and that they push nobody out who is known."""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from carpscope.auth.digest import Signer, message
from carpscope.auth.keyring import Keyring
from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.config import Config
from carpscope.core.batch import batched
from carpscope.core.frame import Frame
from carpscope.core.mistakes import Mistakes
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.detect.engine import Engine
from carpscope.detect.finding import Finding
from carpscope.detect.rule import Context
from carpscope.pipeline import analyze
from carpscope.timeline.limits import Limits
from carpscope.timeline.observe import Observer
from carpscope.timeline.passage import Passage
from carpscope.timeline.pruning import share
from carpscope.wire.carp import Advert, virtual_mac
from carpscope.wire.decode import decode
from carpscope.wire.ip import ipv4
from carpscope.wire.link import ethernet

pytestmark = pytest.mark.slow

WORD = b"quiet-harbour-17"
SHARED = bytes((192, 0, 2, 10))
SMALL = Limits(64, 8, 16)
Sent = tuple[Nanos, bytes]


def advert(
    source: bytes,
    counter: int,
    *,
    vhid: int = 1,
    vlan: int = 0,
    signed: bool = False,
    skew: int = 0,
) -> bytes:
    raw = counter.to_bytes(8, "big")
    digest = (
        Signer(WORD, message(vhid, [SHARED], [])).sign(raw)
        if signed
        else random.Random(counter).randbytes(20)
    )
    body = Advert(vhid, 1, skew, 0, raw, digest).encode()
    packet = ipv4(source, bytes((224, 0, 0, 18)), body, protocol=112, tos=0x10, identification=0)
    tags = [(0x8100, vlan)] if vlan else []
    return ethernet(bytes.fromhex("01005e000012"), virtual_mac(vhid), 0x0800, packet, tags)


def beat(
    last: int, start: int, seconds: int, *, signed: bool = True, skew: int = 0
) -> Iterator[Sent]:
    """A node that advertises as it says, with a counter of its own."""
    for second in range(start, start + seconds):
        at = second * (SECOND + skew * SECOND // 256) + last * MILLISECOND
        counter = (last << 40) + second
        yield at, advert(bytes((192, 0, 2, last)), counter, signed=signed, skew=skew)


def flood(start: int, seconds: int, rate: int, **options: int) -> Iterator[Sent]:
    """As many senders as advertisements; `vhids` and `vlans` to draw from."""
    draw = random.Random(7)
    for index in range(seconds * rate):
        at = start * SECOND + index * SECOND // rate + 7
        source = (0x0A000000 + index).to_bytes(4, "big")
        vhid = 1 + index % options.get("vhids", 1)
        vlan = index // 255 % options.get("vlans", 1)
        yield at, advert(source, draw.getrandbits(63), vhid=vhid, vlan=vlan)


def followed(sent: Iterable[Sent], observer: Observer, *, short: bool = True) -> list[Finding]:
    """Feed an observer and the detectors; `short` says whether in batches, or decoded each."""
    engine = Engine(Context(observer))
    mistakes = Mistakes()
    frames = [
        Frame(number, 1_700_000_000 * SECOND + at, 1, data, len(data))
        for number, (at, data) in enumerate(sorted(sent), 1)
    ]
    if short:
        passage = Passage(observer, engine.see, mistakes)
        for batch in batched(frames, 100):
            passage.see(batch)
    else:
        for frame in frames:
            engine.see(observer.see(decode(frame)))
    assert not mistakes.count
    engine.see(observer.finish())
    return engine.findings(observer.now)


def observer(limits: Limits = SMALL, *, keys: bool = True) -> Observer:
    return Observer(Keyring((WORD,) if keys else ()), (SHARED,), limits=limits)


def nodes(seen: Observer) -> int:
    return sum(len(group.members) for group in seen.groups.values())


@pytest.mark.parametrize("keys", [True, False], ids=["secrets", "keyless"])
def test_a_split_brain_amid_a_flood_is_found_and_names_nobody_else(keys: bool) -> None:
    seen = observer(keys=keys)
    sent = [*beat(1, 0, 30), *beat(2, 10, 20), *flood(3, 27, 500)]
    found = {finding.label: finding for finding in followed(sent, seen)}
    assert found["split_brain"].nodes == ("192.0.2.1", "192.0.2.2")
    assert found["split_brain"].end - found["split_brain"].start > 15 * SECOND
    assert found["invented_senders"].frame_count > 27 * 500 - 100


def test_strangers_alone_are_no_split_brain_and_no_gap() -> None:
    seen = observer()
    labels = {finding.label for finding in followed(flood(0, 20, 500), seen)}
    assert labels == {"invented_senders"}


@pytest.mark.parametrize(
    "options",
    [{}, {"vhids": 255}, {"vhids": 255, "vlans": 4000}],
    ids=["sources", "vhids", "vlans"],
)
def test_as_many_nodes_as_the_limit_says_are_kept(options: dict[str, int]) -> None:
    seen = observer()
    followed(flood(0, 4, 2000, **options), seen)
    assert nodes(seen) == seen.strangers.followed <= SMALL.nodes
    assert all(len(group.nodes) <= SMALL.group_nodes for group in seen.groups.values())
    assert seen.advertisements == 8000
    assert seen.strangers.notes()


def test_both_ways_say_the_same() -> None:
    sent = [*beat(1, 0, 20), *beat(2, 8, 12, signed=False), *flood(2, 18, 300, vhids=3)]
    one, other = observer(), observer()
    assert followed(sent, one) == followed(sent, other, short=False)
    assert list(one.groups) == list(other.groups)
    assert one.advertisements == other.advertisements
    assert one.strangers.notes() == other.strangers.notes()


def test_who_verifies_is_followed_at_once_and_stays() -> None:
    seen = observer()
    early = [*beat(1, 0, 30)]
    late = [*beat(2, 25, 2)]
    steady = [s for last in range(20, 80) for s in beat(last, 5, 25, signed=False, skew=100)]
    followed([*early, *late, *steady], seen)
    sources = {node.id for node in seen.groups[(), 1].members}
    assert {"192.0.2.1", "192.0.2.2"} <= sources
    assert len(sources) <= SMALL.group_nodes


def test_who_is_configured_is_followed_at_its_first_word() -> None:
    seen = observer(keys=False)
    named = bytes((192, 0, 2, 9))
    seen.strangers.expected = {((), 1): (named,), ((), 77): ()}
    sent = [*flood(0, 3, 1000, vhids=20), (4 * SECOND, advert(named, 5))]
    sent.append((4 * SECOND + 1, advert(named, 6, vhid=77)))
    sent += flood(5, 3, 1000, vhids=20)
    followed(sent, seen)
    assert named in seen.groups[(), 1].nodes
    assert named in seen.groups[(), 77].nodes


def test_who_advertises_on_pushes_out_who_did_not() -> None:
    seen = observer(keys=False)
    followed([*flood(0, 3, 1000), *beat(3, 4, 20, signed=False), *flood(5, 15, 300)], seen)
    assert "192.0.2.3" in {node.id for node in seen.groups[(), 1].members}


def test_who_was_heard_for_a_minute_is_not_pushed_out_by_many_who_advertise_on() -> None:
    seen = observer(keys=False)
    old = [*beat(1, 0, 70, signed=False)]
    many = [s for last in range(20, 90) for s in beat(last, 61, 9, signed=False)]
    followed([*old, *many], seen)
    assert "192.0.2.1" in {node.id for node in seen.groups[(), 1].members}


def test_a_replay_from_an_invented_source_is_still_a_replay() -> None:
    seen = observer()
    copied = dict(beat(1, 5, 1))
    [original] = copied.values()
    moved = bytearray(original)
    moved[26:30] = bytes((10, 255, 0, 1))
    later = [(20 * SECOND + i * SECOND, bytes(moved)) for i in range(3)]
    found = followed([*beat(1, 0, 30), *flood(2, 10, 300), *later], seen)
    assert "replayed_advert" in {finding.label for finding in found}


def test_what_shares_a_budget_loses_from_the_longest() -> None:
    assert share([3, 4, 5], 12) is None
    assert share([3, 4, 50], 30) == 23
    assert share([10, 10, 10], 12) == 4
    assert share([], 0) is None


def test_what_is_kept_of_nodes_stays_within_its_budgets() -> None:
    limits = Limits(64, 8, 16, signatures=500, signed=400, waiting=300, history=600, each=10)
    seen = observer(limits, keys=False)
    sent = [s for last in range(1, 12) for s in beat(last, 0, 300, signed=False)]
    followed(sent, seen)
    seen.tidy()
    [group] = seen.groups.values()
    assert len(group.signatures.seen) <= 500
    assert sum(len(node.authentication.signed) for node in group.members) <= 400
    assert sum(len(node.authentication.waiting) for node in group.members) <= 300
    assert len(group.history) <= 600
    assert all(len(node.master_periods) <= 10 for node in group.members)


def test_who_is_invented_twice_is_no_node() -> None:
    seen = observer()
    again = [(at + 120 * SECOND, data) for at, data in flood(0, 3, 300)]
    labels = {f.label for f in followed([*beat(1, 0, 130), *flood(0, 3, 300), *again], seen)}
    assert "split_brain" not in labels
    assert "equal_skew_tie" not in labels
    assert "invented_senders" in labels


@pytest.mark.parametrize("keys", [True, False], ids=["secrets", "keyless"])
def test_who_comes_amid_a_flood_is_followed_where_a_reader_asks_first(
    keys: bool, tmp_path: Path
) -> None:
    """A reader asks before it makes a frame, and then the frame comes: that is one question."""
    path = tmp_path / "flood.pcap"
    sent = sorted(
        [*beat(1, 0, 30, signed=keys), *beat(2, 20, 10, signed=keys), *flood(3, 27, 1500)]
    )
    with path.open("wb") as stream:
        writer = PcapWriter(stream)
        for number, (at, data) in enumerate(sent, 1):
            writer.write(Frame(number, 1_700_000_000 * SECOND + at, 1, data, len(data)))
    config = Config((WORD,), (SHARED,)) if keys else Config()
    analysis = analyze([open_capture(str(path))], config)
    (group,) = analysis.observer.groups.values()
    newcomer = group.nodes[bytes((192, 0, 2, 2))]
    assert newcomer.adverts == (10 if keys else 9)
    assert newcomer.authentication.verified == (10 if keys else 0)
    assert analysis.packets == sum(analysis.advertisements) == len(sent)
