"""A small part of what `python -m tests.fuzz.packets 10000000` does at length."""

from itertools import islice

from carpscope.core.frame import Frame
from tests.fuzz import packets
from tests.fuzz.frames import made


def test_twenty_thousand_made_packets_keep_every_promise() -> None:
    bodies = set()
    for frame in islice(made(1), 20_000):
        packet, problem = packets.look(frame, in_full=frame.number % packets.PRINTED == 0)
        assert problem is None, (frame, problem)
        assert packet is not None
        bodies.add(type(packet.body).__name__)
    assert len(bodies) == 6, "all kinds are met, and nothing at all"


def test_the_same_seed_makes_the_same_packets() -> None:
    assert list(islice(made(7), 50)) == list(islice(made(7), 50)) != list(islice(made(8), 50))


def test_a_broken_promise_would_be_seen() -> None:
    packet, _ = packets.look(Frame(1, 0, 1, b"", 0), in_full=False)
    assert packet is not None
    assert packets.broken(packet) is None
    moved = packet._replace(faults=(packet.faults[0]._replace(offset=99),))
    assert "outside the frame" in str(packets.broken(moved))
