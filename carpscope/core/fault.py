"""What is wrong with bytes, as a value.

A decoder never raises. Where bytes stop making sense it gives a `Fault` that
says in which layer, at which offset of the frame, how many bytes were needed
and how many were there; the next frame goes on.
"""

from typing import NamedTuple


class Fault(NamedTuple):
    """A place where bytes stopped making sense.

    `offset` counts from the first byte of the captured frame. `needed` and
    `present` are bytes from that offset on; both are 0 where the fault is not
    about length.
    """

    layer: str
    offset: int
    problem: str
    needed: int = 0
    present: int = 0

    def __str__(self) -> str:
        """Say it in one line, as for a log."""
        text = f"{self.layer}: {self.problem} at byte {self.offset}"
        if self.needed or self.present:
            text += f" (needs {self.needed} bytes, has {self.present})"
        return text


def truncated(layer: str, offset: int, needed: int, present: int) -> Fault:
    """Build the commonest fault: the frame ends before the field does."""
    return Fault(layer, offset, "truncated", needed, max(present, 0))
