"""What a search is asked and what it answers."""

from typing import NamedTuple

from carpscope.auth.recipes import Recipe


class Sample(NamedTuple):
    """What has to be explained: one advertisement's vhid, counter and digest."""

    vhid: int
    counter: bytes
    digest: bytes


class Candidates(NamedTuple):
    """What may have been signed, as far as anyone said or showed."""

    supplied: tuple[bytes, ...] = ()
    learned: tuple[bytes, ...] = ()
    """Seen in the capture in any way: ARP, neighbour discovery. Likeliest first."""
    networks: tuple[bytes, ...] = ()
    """Addresses whose /24 is searched for one that nobody named: the sender's own first."""
    macs: tuple[bytes, ...] = ()
    """Link-layer addresses seen, for OpenBSD interfaces with one set by hand."""
    announced: tuple[bytes, ...] = ()
    """Announced with the virtual MAC of this vhid: very likely signed."""


class Outcome:
    """What the search found, and what it left out."""

    __slots__ = ("digests", "limits", "recipe")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.recipe: Recipe | None = None
        self.digests = 0
        self.limits: list[str] = []
