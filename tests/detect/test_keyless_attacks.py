"""What somebody without the passphrase can make of a node where no secret was supplied.

The frames are plain bytes; the node's own are told by the counter that goes on.
"""

from pathlib import Path

import pytest

from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.core.units import SECOND
from carpscope.pipeline import Analysis, analyze
from tests.contradictions.watched import watched
from tests.detect.field import FIELD
from tests.plain import CARP_GROUP, START, Tape, carp, ether, ipv4, ipv6

VIP = "10.0.0.100"
A, B = "10.0.0.1", "10.0.0.2"


def spoken(tape: Tape, source: str, seconds: range, skew: int, first: int, step: int = 1) -> None:
    """Advertise once a second with a counter of one's own."""
    late = 0.0 if source == A else 0.4
    for second in seconds:
        say(tape, second + late, source, 1, skew, first + step * second)


def say(
    tape: Tape, at: float, source: str, base: int, skew: int, counter: int, word: str = "own"
) -> None:
    """Send one advertisement, signed as somebody likes."""
    body = carp(1, base, skew, counter, passphrase=word, vips=(VIP,))
    packet = ipv4(source, CARP_GROUP, 112, body, number=len(tape.frames) & 0xFFFF)
    tape.put(at, ether("00:00:5e:00:01:01", "01:00:5e:00:00:12", 0x0800, packet))


def invented(number: int) -> int:
    """Return a counter as random bytes give it."""
    return 0x9E37_79B9_7F4A_7C15 * (number + 3) & 0xFFFF_FFFF_FFFF_FFFF


def seen(tape: Tape, folder: Path, passphrase: str | None = None) -> Analysis:
    """Analyze it, without a secret unless one is given."""
    config = Config() if passphrase is None else Config(passphrases=(passphrase.encode(),))
    with open_capture(tape.write(folder / "tape.pcap")) as capture:
        return analyze([capture], config)


def labels(analysis: Analysis) -> set[str]:
    return {finding.label for finding in analysis.findings}


@pytest.mark.parametrize("step", [1, 0], ids=["counts", "one cookie"])
@pytest.mark.parametrize(
    ("base", "skew"), [(255, 254), (1, 0), (1, 240), (255, 255)],
    ids=["slowest", "best", "demoted", "bow-out"],
)  # fmt: skip
def test_a_steady_node_is_not_rewritten(step: int, base: int, skew: int, tmp_path: Path) -> None:
    tape = Tape()
    spoken(tape, A, range(60), 50, 1 << 40, step)
    for number, second in enumerate(range(25, 55)):
        say(tape, second + 0.3 + number % 5 / 10, A, base, skew, invented(number), word="?")
    analysis = seen(tape, tmp_path)
    (group,) = analysis.observer.groups.values()
    (node,) = group.members
    assert (node.advbase, node.advskew) == (1, 50)
    assert len(node.master_periods) == 1
    assert not analysis.events
    told = [finding for finding in analysis.findings if finding.label == "unverified"]
    assert labels(analysis) == {"unverified"}
    assert told[0].frame_count == 30
    assert told[0].attacker is not None


def test_a_split_brain_is_not_hidden(tmp_path: Path) -> None:
    """From the first advertisement on each of B is followed by one of advbase 255."""
    tape = Tape()
    spoken(tape, A, range(90), 0, 1 << 40)
    spoken(tape, B, range(20, 90), 0, 1 << 50)
    for number, second in enumerate(range(20, 90)):
        say(tape, second + 0.42, B, 255, 254, invented(number), word="?")
    assert {"split_brain", "unverified"} <= labels(seen(tape, tmp_path))
    assert "advbase_mismatch" not in labels(seen(tape, tmp_path))


def test_who_starts_anew_is_not_accused(tmp_path: Path) -> None:
    """With another counter and another skew, half a second after it had advertised last."""
    tape = Tape()
    spoken(tape, A, range(40), 0, 1 << 40)
    for second in range(40):
        say(tape, 39.5 + second * 1.2, A, 1, 50, (7 << 45) + second)
    analysis = seen(tape, tmp_path)
    (group,) = analysis.observer.groups.values()
    (node,) = group.members
    assert (node.advbase, node.advskew) == (1, 50)
    assert "unverified" not in labels(analysis)


def test_a_passphrase_that_fits_nothing_leaves_the_counter(tmp_path: Path) -> None:
    tape = Tape()
    spoken(tape, A, range(60), 50, 1 << 40)
    for number, second in enumerate(range(25, 55)):
        say(tape, second + 0.5, A, 255, 254, invented(number), word="?")
    analysis = seen(tape, tmp_path, "no such word")
    (group,) = analysis.observer.groups.values()
    assert {(node.advbase, node.advskew) for node in group.members} == {(1, 50)}
    severities = {finding.severity.value for finding in analysis.findings}
    assert labels(analysis) == {"unverified"}
    assert severities == {"error", "warning"}


def test_who_comes_back_in_two_families_is_not_accused(tmp_path: Path) -> None:
    """An OpenBSD has one cookie for IPv4 and IPv6, and another one once it was started again."""
    tape = Tape()
    for start, cookie in ((0, 77 << 40), (45, 99 << 40)):
        for second in range(start, start + 40):
            say(tape, second, A, 1, 0, cookie)
            body = carp(1, 1, 0, cookie, passphrase="own", vips=(VIP,))
            packet = ipv6("fe80::1", "ff02::12", 112, body)
            frame = ether("00:00:5e:00:01:01", "33:33:00:00:00:12", 0x86DD, packet)
            tape.put(second + 0.0003, frame)
    assert "unverified" not in labels(seen(tape, tmp_path))


def test_one_advertisement_of_another_advbase_is_no_mismatch(tmp_path: Path) -> None:
    """Where the capture ends with it, and where a live run meets it first."""
    tape = Tape()
    spoken(tape, A, range(30), 0, 1 << 40)
    spoken(tape, B, range(10, 30), 0, 1 << 50)
    say(tape, 29.6, B, 255, 254, invented(1), word="?")
    assert "advbase_mismatch" not in labels(seen(tape, tmp_path))
    path = FIELD.parent / "signing" / "unsigned-between.pcap"
    _, events = watched(path, Config(), tmp_path)
    assert "CS204" not in {e["finding"]["code"] for e in events if e["event_type"] == "finding"}


def test_a_node_that_is_given_another_advbase(tmp_path: Path) -> None:
    """Two that refuse each other; the second is set to 3 s after 20 s."""
    tape = Tape()
    spoken(tape, A, range(60), 0, 1 << 40)
    spoken(tape, B, range(20), 100, 1 << 50)
    for number, second in enumerate(range(22, 60, 3)):
        say(tape, second, B, 3, 100, (1 << 50) + 20 + number)
    analysis = seen(tape, tmp_path)
    (told,) = (f for f in analysis.findings if f.label == "advbase_mismatch")
    assert told.summary == "10.0.0.1 advbase 1 and 10.0.0.2 advbase 3 in one group"
    assert told.start == round((START + 22) * SECOND), "since both were advertised"
