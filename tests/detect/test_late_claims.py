"""Claims of backups that count on from an old advertisement, and are no forgeries.

Plain bytes. Each family has a timer of its own and both count on from one counter; and a backup
with a large advbase waits for many advertisements of its MASTER.
"""

from pathlib import Path

import pytest

from tests.detect.field import analysis, labels
from tests.plain import CARP_GROUP, CARP_GROUP6, Tape, carp, ether, ipv4, ipv6

VIPS = ("10.0.0.100", "2001:db8::100")
MASTER = ("10.0.0.1", "fe80::1")
BACKUP = ("10.0.0.2", "fe80::2")
GROUP_MAC = "01:00:5e:00:00:12"
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
            group, kind = GROUP_MAC, 0x0800
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


@pytest.mark.parametrize("known", [False, True], ids=["first claim", "was MASTER before"])
def test_a_backup_may_outlast_many_advertisements(known: bool, tmp_path: Path) -> None:
    """With advbase 5 it waits 15 s for a MASTER of advbase 1, which advertises on unheard."""
    tape = Tape()
    for turn in range(60):
        counter = 5000 + turn
        body = carp(7, 1, 0, counter, vips=VIPS[:1])
        packet = ipv4("10.0.0.1", CARP_GROUP, 112, body, number=turn + 1)
        tape.put(20 + turn * 1.01, ether("00:00:5e:00:01:07", GROUP_MAC, 0x0800, packet))
    first = 3 if known else 0
    for turn in range(first):
        body = carp(7, 5, 0, 4000 + turn, vips=VIPS[:1])
        packet = ipv4("10.0.0.2", CARP_GROUP, 112, body, number=turn + 1)
        tape.put(4 + turn * 5.01, ether("00:00:5e:00:01:07", GROUP_MAC, 0x0800, packet))
    body = carp(7, 5, 0, 5030, vips=VIPS[:1])  # it heard the one of turn 29 last
    packet = ipv4("10.0.0.2", CARP_GROUP, 112, body, number=77)
    tape.put(20 + 29 * 1.01 + 15.002, ether("00:00:5e:00:01:07", GROUP_MAC, 0x0800, packet))
    found = analysis(tape, tmp_path, "-p", "plain bytes", "-a", VIPS[0])
    assert not labels(found) & {"forged_skew", "replayed_advert"}
