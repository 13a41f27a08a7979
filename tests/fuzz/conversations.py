"""Conversations bent by what they mean: nodes that talk otherwise than any network lets them.

Bytes of a frame are the matter of `tests.fuzz.frames`. Here frames stay whole, and what comes
when, from whom and in which family is chosen by chance: slices, subsets, duplicates, other
orders, two captures at once, nodes that change their address or family meanwhile.

    python -m tests.fuzz.conversations SECONDS SEED [CAPTURE...]

looks for one that breaks an analysis, a report or a live run, and prints how it is made.
"""

import json
import random
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path

from carpscope.auth.effort import Effort
from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.core.frame import Frame
from carpscope.core.units import MILLISECOND, SECOND, Nanos
from carpscope.live.monitor import Monitor
from carpscope.pipeline import analyze
from carpscope.report.console import Paper
from carpscope.report.document import document
from carpscope.report.screen import Screen
from carpscope.wire.carp import AdvertView
from carpscope.wire.checksum import internet_checksum
from carpscope.wire.decode import decode
from tests.program import CAPTURES, ROOT
from tests.timeline.invariants import invariants

Talk = list[tuple[Nanos, bytes]]
"""Times and Ethernet frames, in the order in which they are captured."""
Way = Callable[[Talk, random.Random], Talk]

TRACES = ROOT / "tests/data/traces"
FRAMES_MAX = 600
SHORT = 200
"""Frames of one that has many others beside it: in the suite, and under a fuzzer."""
LOOK_EVERY: Nanos = 200 * MILLISECOND
_EFFORT = 3_000
_CONFIG = Config((b"quiet-harbour-17", b""), (bytes((192, 0, 2, 10)),))


def spoken(path: Path) -> Talk:
    """Read a capture."""
    frames = open_capture(str(path))
    return [(frame.at, bytes(frame.data)) for frame in frames if frame.link == 1][:FRAMES_MAX]


@cache
def stock() -> tuple[Talk, ...]:
    """Return what is bent: every shipped capture and trace."""
    paths = [*sorted(CAPTURES.glob("*/capture.pcap")), *sorted(TRACES.glob("*.pcap"))]
    return tuple(talk for path in paths if (talk := spoken(path)))


# Ways to bend


def begin_later(talk: Talk, chance: random.Random) -> Talk:
    return talk[chance.randrange(min(len(talk), 60)) :]


def slice_of(talk: Talk, chance: random.Random) -> Talk:
    first = chance.randrange(len(talk))
    return talk[first : first + chance.randrange(1, len(talk) - first + 1)]


def subset(talk: Talk, chance: random.Random) -> Talk:
    kept = chance.choice((0.03, 0.2, 0.5, 0.8, 0.97))
    return [one for one in talk if chance.random() < kept] or talk[:1]


def duplicates(talk: Talk, chance: random.Random) -> Talk:
    """Let some come again, at once, a little later, or much later."""
    late = chance.choice((1_000, 2 * MILLISECOND, 6 * MILLISECOND, SECOND, 40 * SECOND))
    share = chance.choice((0.05, 0.5, 1.0))
    again = [(at + late, data) for at, data in talk if chance.random() < share]
    return sorted([*talk, *again], key=lambda one: one[0])


def other_order(talk: Talk, chance: random.Random) -> Talk:
    """Let frames within 10 ms pass each other, with their times or without."""
    jitter = chance.choice((MILLISECOND, 10 * MILLISECOND))
    moved = [(at + chance.randrange(-jitter, jitter), at, data) for at, data in talk]
    moved.sort(key=lambda one: one[0])
    with_times = chance.random() < 0.5
    return [(at if with_times else shifted, data) for shifted, at, data in moved]


def joined(talk: Talk, chance: random.Random) -> Talk:
    """Let another capture go on beside this one, or after it."""
    other = chance.choice(stock())
    start = talk[chance.choice((0, 0, -1, len(talk) // 2))][0] + chance.randrange(SECOND)
    shift = start - other[0][0]
    vhid = next((view.vhid for _, view in _views(talk)), None)
    moved = [(at + shift, data) for at, data in other]
    if vhid is not None and chance.random() < 0.7:
        moved = [(at, changed(data, vhid=vhid)) for at, data in moved]
    return sorted([*talk, *moved], key=lambda one: one[0])[:FRAMES_MAX]


def other_address(talk: Talk, chance: random.Random) -> Talk:
    """Let a node have another address from some time on, or the address of another node."""
    sources = sorted({data[slice(*_source(data))] for data, _ in _views(talk)})
    if not sources:
        return talk
    one = chance.choice(sources)
    others = [source for source in sources if len(source) == len(one) and source != one]
    other = chance.choice(others) if others and chance.random() < 0.4 else None
    after = chance.choice(talk)[0]
    new = other or one[:-1] + bytes((chance.randrange(1, 255),))
    return [
        (at, changed(data, source=new))
        if at >= after and _is_advert(data) and data[slice(*_source(data))] == one
        else (at, data)
        for at, data in talk
    ]


def other_family(talk: Talk, chance: random.Random) -> Talk:
    """Let nodes speak the other family, or both of them, for some time."""
    first, last = sorted(chance.choice(talk)[0] for _ in range(2))
    both = chance.choice((None, None, 5_000, 2 * MILLISECOND, 4 * MILLISECOND))
    reverse, lost = chance.random() < 0.2, chance.choice((0.0, 0.1, 0.6))
    made: Talk = []
    for at, data in talk:
        if not (first <= at <= last and _is_advert(data)):
            made.append((at, data))
            continue
        other = translated(data)
        if both is None:
            made.append((at, other))
            continue
        pair = (other, data) if reverse else (data, other)
        if chance.random() >= lost:
            made.append((at, pair[0]))
        if chance.random() >= lost:
            made.append((at + both, pair[1]))
    return sorted(made or talk, key=lambda one: one[0])[:FRAMES_MAX]


def one_family_lost(talk: Talk, chance: random.Random) -> Talk:
    """Leave one family out for some time."""
    first, last = sorted(chance.choice(talk)[0] for _ in range(2))
    kind = chance.choice((b"\x08\x00", b"\x86\xdd"))
    kept = [(at, data) for at, data in talk if not first <= at <= last or data[12:14] != kind]
    return kept or talk


def silence(talk: Talk, chance: random.Random) -> Talk:
    """Let time pass between two frames, or not pass at all."""
    place = chance.randrange(len(talk))
    gap = chance.choice((-2 * SECOND, SECOND, 4 * SECOND, 100 * SECOND, 90_000 * SECOND))
    return [*talk[:place], *((at + gap, data) for at, data in talk[place:])]


def other_priority(talk: Talk, chance: random.Random) -> Talk:
    """Let some advertisements say another advbase, advskew or demotion, a bow-out too."""
    base, skew = chance.choice(((255, 255), (1, 0), (1, 240), (0, 0), (0, 1), (255, 0), (3, 100)))
    share = chance.choice((0.02, 0.2, 1.0))
    demote = chance.choice((0, 0, 1, 255))
    return [
        (at, changed(data, advbase=base, advskew=skew, demote=demote))
        if _is_advert(data) and chance.random() < share
        else (at, data)
        for at, data in talk
    ]


def crowd(talk: Talk, chance: random.Random) -> Talk:
    """Let many senders speak for this group, most of them once."""
    pattern = next((data for data, _ in _views(talk) if data[12:14] == b"\x08\x00"), None)
    if pattern is None:
        return talk
    start = chance.choice(talk)[0]
    spacing = chance.choice((1_000, MILLISECOND, 40 * MILLISECOND))
    made = []
    for number in range(chance.choice((3, 9, 20, 80))):
        source = bytes((10, 66, chance.randrange(4), number))
        counter = chance.randbytes(28)
        one = changed(pattern, source=source, signature=counter)
        made += [(start + number * spacing, one)]
        if chance.random() < 0.3:
            again = changed(pattern, source=source, signature=chance.randbytes(28))
            made += [(start + number * spacing + SECOND, again)]
    return sorted([*talk, *made], key=lambda one: one[0])[:FRAMES_MAX]


WAYS: tuple[Way, ...] = (
    begin_later,
    slice_of,
    subset,
    duplicates,
    other_order,
    joined,
    other_address,
    other_family,
    one_family_lost,
    silence,
    other_priority,
    crowd,
)


def bent(talk: Talk, chance: random.Random) -> tuple[Talk, list[str]]:
    """Bend a conversation in one to four ways; say in which."""
    ways = [chance.choice(WAYS) for _ in range(chance.randrange(1, 5))]
    for way in ways:
        talk = way(talk, chance)
    return talk, [way.__name__ for way in ways]


# Frames


def _views(talk: Talk) -> Iterator[tuple[bytes, AdvertView]]:
    for data in adverts(talk):
        view = decode(Frame(1, 0, 1, data, len(data))).advert
        if view is not None:
            yield data, view


def adverts(talk: Talk) -> Iterator[bytes]:
    """Give the frames that are advertisements, in either family."""
    return (data for _, data in talk if _is_advert(data))


def _is_advert(data: bytes) -> bool:
    """Tell an advertisement in plain Ethernet."""
    if data[12:14] == b"\x08\x00" and data[14:15] == b"\x45":
        return data[23:24] == b"\x70" and len(data) >= 70
    return data[12:14] == b"\x86\xdd" and data[20:21] == b"\x70" and len(data) >= 90


def _source(data: bytes) -> tuple[int, int]:
    return (26, 30) if data[12:14] == b"\x08\x00" else (22, 38)


def changed(
    data: bytes,
    *,
    source: bytes | None = None,
    vhid: int | None = None,
    advbase: int | None = None,
    advskew: int | None = None,
    demote: int | None = None,
    signature: bytes | None = None,
) -> bytes:
    """Give an advertisement that says something else, with its checksums right."""
    if not _is_advert(data):
        return data
    begin, end = _source(data)
    head, body = bytearray(data[: 34 if begin == 26 else 54]), bytearray(data)
    body = body[len(head) :]
    for place, value in ((1, vhid), (2, advskew), (4, demote), (5, advbase)):
        if value is not None:
            body[place] = value
    if source is not None:
        head[begin:end] = source
    if signature is not None:
        body[8:36] = signature
    body[6:8] = b"\0\0"
    body[6:8] = struct.pack(">H", internet_checksum(bytes(body[:36])))
    if begin == 26:
        head[24:26] = b"\0\0"
        head[24:26] = struct.pack(">H", internet_checksum(bytes(head[14:34])))
    return bytes(head + body)


def translated(data: bytes) -> bytes:
    """Give an advertisement in the other family, of the same node."""
    if data[12:14] == b"\x08\x00":
        source = b"\xfe\x80" + bytes(10) + data[26:30]
        target = b"\xff\x02" + bytes(13) + b"\x12"
        head = struct.pack(">IHBB", 0x6000_0000, 36, 112, 255) + source + target
        return b"\x33\x33\0\0\0\x12" + data[6:12] + b"\x86\xdd" + head + data[34:70]
    head = struct.pack(">BBHHHBBH", 0x45, 0x10, 56, 0, 0x4000, 255, 112, 0)
    made = b"\x01\0\x5e\0\0\x12" + data[6:12] + b"\x08\0" + head + data[34:38] + b"\xe0\0\0\x12"
    return changed(made + data[54:90])


# What has to take them


class Brief(Effort):
    """So many digests and no more: a live run may search longer than a fuzzer wants to wait."""

    def refill(self) -> None:
        """Stay with what there was."""


def frames_of(talk: Talk) -> Iterator[Frame]:
    """Give the frames as a reader does."""
    for number, (at, data) in enumerate(talk, 1):
        yield Frame(number, max(at, 0), 1, data, len(data))


def written(talk: Talk) -> bytes:
    """Give the capture as a file, in nanoseconds."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1)]
    for at, data in talk:
        seconds, rest = divmod(max(at, 0), SECOND)
        out.append(struct.pack("<IIII", seconds & 0xFFFF_FFFF, rest, len(data), len(data)) + data)
    return b"".join(out)


def watched(talk: Talk) -> None:
    """Let a live run see it; what holds of its state holds after every frame."""
    monitor = Monitor(_CONFIG, "span0")
    monitor.observer.effort = Brief(_EFFORT)
    looked = 0
    latest = 0
    for frame in frames_of(talk):
        latest = max(latest, frame.at)
        if latest - looked >= LOOK_EVERY:
            look(monitor, latest)
            looked = latest
        monitor.see(frame)
        assert not (wrong := invariants(monitor.observer)), (frame.number, wrong)
    for later in (SECOND, 4 * SECOND, 600 * SECOND):
        look(monitor, latest + later)
        once, twice = (sorted(map(repr, monitor._engine.known(latest + later))) for _ in range(2))
        assert once == twice
    monitor.finish()
    assert not (wrong := invariants(monitor.observer)), wrong


def look(monitor: Monitor, at: Nanos) -> None:
    """Look as the loop does; two looks at one moment say the same."""
    monitor.look(at)
    list(monitor.taken_news())
    assert not (wrong := invariants(monitor.observer)), wrong


def analyzed(talk: Talk) -> None:
    """Analyze it as a file and print all that is known."""
    opened = open_capture("-", stdin=BytesIO(written(talk)))
    found = analyze([opened], _CONFIG, effort=Brief(_EFFORT))
    assert not (wrong := invariants(found.observer)), wrong
    told = json.loads(json.dumps(document(found, _CONFIG), allow_nan=False))
    nodes = {(group["id"], node["id"]) for group in told["groups"] for node in group["nodes"]}
    if not found.notes:  # nobody was forgotten
        # VRRP routers, and a host that claims an address, are named and are no nodes
        others = ("vrrp_vrid_conflict", "address_conflict", "split_group")
        own = [one for one in told["findings"] if one["label"] not in others]
        for finding in own:
            missing = {(finding["group"], name) for name in finding["nodes"]} - nodes
            assert not missing or finding["group"] not in {g for g, _ in nodes}, finding
    Screen(Paper(file=StringIO(), width=100), _CONFIG, details=True).show(found)


def taken(talk: Talk) -> None:
    """Let everything take it."""
    watched(talk)
    analyzed(talk)


def conversation(data: bytes) -> None:
    """Make a conversation of bytes and let everything take it: for a fuzzer."""
    chance = random.Random(data)
    known = stock()
    talk = known[data[0] % len(known) if data else 0]
    for code in data[1:5]:
        talk = WAYS[code % len(WAYS)](talk, chance)
    taken(talk[:SHORT])


def main(seconds: float, seed: int, paths: Sequence[str]) -> int:
    """Bend and try until the time is over; print every find."""
    chosen = tuple(spoken(Path(path)) for path in paths)
    talks = tuple(talk for talk in chosen if talk) or stock()
    end = time.monotonic() + seconds
    count = finds = 0
    while time.monotonic() < end:
        chance = random.Random(seed * 1_000_003 + count)
        talk, ways = bent(chance.choice(talks), chance)
        count += 1
        try:
            taken(talk[:FRAMES_MAX])
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is a find
            finds += 1
            path = Path(f"/tmp/conversation-{seed}-{count - 1}.pcap")
            path.write_bytes(written(talk))
            told = f"{type(problem).__name__}: {problem}"
            print(f"{seed} {count - 1} {' '.join(ways)} {path}: {told[:600]}", flush=True)
    print(f"{count} conversations, {finds} finds")
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
