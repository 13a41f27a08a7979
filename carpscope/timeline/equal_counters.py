"""What equal counters prove without any secret.

Under one counter the HMAC depends on the key and the addresses alone. Two nodes reach the
same counter whenever both count on from the same accepted advertisement: a backup that
claims after its master was cut off, or after its master was reconfigured, sends the very
counter that the master sent next. Equal HMACs then prove equal keys and addresses, so that the
two refuse each other for no other reason than that packets are lost; different HMACs prove that
they sign differently.
"""

from typing import NamedTuple

from carpscope.core.units import Nanos
from carpscope.timeline.node import Node


class SharedCounter(NamedTuple):
    """One counter that two nodes signed."""

    at: Nanos
    """When the second of them did."""
    counter: bytes
    alike: bool
    frames: tuple[int, int]


def proofs(one: Node, other: Node) -> list[SharedCounter]:
    """Return every counter that both signed, in order of time."""
    mine, theirs = one.authentication.signed, other.authentication.signed
    found = [
        SharedCounter(
            max(mine[counter].at, theirs[counter].at),
            counter,
            mine[counter].digest == theirs[counter].digest,
            (mine[counter].frame, theirs[counter].frame),
        )
        for counter in mine.keys() & theirs.keys()
    ]
    return sorted(found)


def proof(one: Node, other: Node, start: Nanos, end: Nanos) -> SharedCounter | None:
    """Return the first shared counter between two times whose HMACs differ.

    Where none differ, return the last one; None where there is none.
    """
    within = [found for found in proofs(one, other) if start <= found.at <= end]
    return next((p for p in within if not p.alike), within[-1] if within else None)
