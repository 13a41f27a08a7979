"""Claims of a backup whose families lose different packets: each family has a timer of its own.

Plain bytes, in the order of a recorded NetBSD: both families count on from one counter.
"""

from pathlib import Path

import pytest

from tests.detect.field import analysis, labels
from tests.plain import CARP_GROUP, CARP_GROUP6, Tape, carp, ether, ipv4, ipv6

VIPS = ("10.0.0.100", "2001:db8::100")
MASTER = ("10.0.0.1", "fe80::1")
BACKUP = ("10.0.0.2", "fe80::2")
BASE = 3
EVERY = BASE * 1.01
SECRETS = ("-p", "plain bytes", "-a", ",".join(VIPS))


def say(tape: Tape, at: float, sender: tuple[str, str], skew: int, counter: int) -> None:
    """Send a pair of advertisements, IPv4 first."""
    for place, source in enumerate(sender):
        body = carp(7, BASE, skew, counter + place, vips=VIPS)
        if place:
            packet, group, kind = ipv6(source, CARP_GROUP6, 112, body), "33:33:00:00:00:12", 0x86DD
        else:
            number = len(tape.frames) & 0xFFFF
            packet = ipv4(source, CARP_GROUP, 112, body, number=number)
            group, kind = "01:00:5e:00:00:12", 0x0800
        tape.put(at + place * 0.000002, ether("00:00:5e:00:01:07", group, kind, packet))


def claims(late: float) -> Tape:
    """Let the backup lose the master's IPv4 for three intervals, and then its IPv6 for one.

    It claims so much after the last IPv6 advertisement that it heard, and counts on from that.
    """
    tape = Tape()
    for turn in range(40):
        say(tape, turn * EVERY, MASTER, 0, 1000 + 2 * turn)
    for turn in (10, 18, 26):
        say(tape, turn * EVERY + late, BACKUP, 80, 1000 + 2 * turn + 2)
    return tape


@pytest.mark.parametrize("secrets", [SECRETS, ()])
def test_a_timer_that_ran_out_in_one_family_is_no_forgery(
    secrets: tuple[str, ...], tmp_path: Path
) -> None:
    """3 x 3 s and 80/256 s after the last IPv4 advertisement that it heard."""
    found = analysis(claims(9.3125 - 2 * EVERY + 0.01), tmp_path, *secrets)
    assert not labels(found) & {"forged_skew", "replayed_advert"}


def test_before_either_timer_can_end_it_is_one(tmp_path: Path) -> None:
    """4.5, 7.5 and 10.6 s after what it may have heard last."""
    found = analysis(claims(4.5), tmp_path, *SECRETS)
    assert "forged_skew" in labels(found)
