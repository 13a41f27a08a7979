"""Nodes that sign and advertise by hand: who, when, with which counter and which secrets."""

import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from carpscope.auth.digest import Signer, message, ordinary_order
from carpscope.capture.source import open_capture
from carpscope.config import Config
from carpscope.core.units import SECOND
from carpscope.pipeline import Analysis, analyze
from carpscope.timeline.group import Group
from carpscope.wire.carp import Advert
from tests.auth.shipment import Sent, ship

WORD = b"quiet-harbour-17"
OTHER = b"quiet-harbour-71"


def binary(text: str) -> bytes:
    """Read an address."""
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


class Way(NamedTuple):
    """A way of signing."""

    addresses: tuple[str, ...] = ("10.0.0.50",)
    word: bytes = WORD

    def sign(self, vhid: int, counter: int) -> bytes:
        """Sign a counter."""
        prefix = message(vhid, *ordinary_order(map(binary, self.addresses)))
        return Signer(self.word, prefix).sign(counter.to_bytes(8, "big"))


class Says(NamedTuple):
    """One advertisement."""

    seconds: float
    source: str
    counter: int
    way: Way = Way()
    skew: int = 0
    vhid: int = 1
    impl: str = "freebsd13"


def sent(says: Iterable[Says]) -> list[Sent]:
    """Make the advertisements."""
    return [
        Sent(
            Advert(
                one.vhid,
                1,
                one.skew,
                0,
                one.counter.to_bytes(8, "big"),
                one.way.sign(one.vhid, one.counter),
            ).encode(),
            one.impl,
            source=binary(one.source),
            at=int(one.seconds * SECOND),
        )
        for one in says
    ]


def run(
    folder: Path, says: Iterable[Says], words: Sequence[bytes] = (), addresses: Sequence[str] = ()
) -> Analysis:
    """Analyze them."""
    path = ship(folder / "said.pcap", sent(says))
    with open_capture(path) as capture:
        return analyze([capture], Config(tuple(words), tuple(map(binary, addresses))))


def only(analysis: Analysis) -> Group:
    """Return the one group."""
    (group,) = analysis.observer.groups.values()
    return group


def labels(analysis: Analysis) -> set[str]:
    """Return the labels of all findings."""
    return {finding.label for finding in analysis.findings}
