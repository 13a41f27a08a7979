"""Millions of made packets through the decoder: `python -m tests.fuzz.packets COUNT [SEED]`.

Prints how many there were of each body and each fault, and what broke a promise: an
exception, a fault that lies outside its frame, a payload that does. One in sixteen is also
printed in every form, and shown to the observer of a live run. Exit status 1 with a find.
"""

import re
import sys
import time
import traceback
from collections import Counter
from itertools import islice

from carpscope.core.fault import Fault
from carpscope.core.frame import Frame
from carpscope.report import line, tree
from carpscope.wire.decode import Packet, decode
from tests.fuzz.frames import made

PRINTED = 16
"""One of so many is printed too."""
TOLD = 20
"""Finds that are told in full."""


def broken(packet: Packet) -> str | None:
    """Say which promise a decoded packet breaks."""
    size = len(packet.frame.data)
    for fault in packet.faults:
        if not fault.layer or not fault.problem:
            return f"a fault without words: {fault!r}"
        if not 0 <= fault.offset <= size:
            return f"a fault outside the frame of {size} bytes: {fault!r}"
        if fault.present < 0 or fault.needed < 0:
            return f"a fault that counts below nothing: {fault!r}"
    if packet.ip is not None and not 0 <= packet.ip.offset <= size:
        return f"a payload outside the frame of {size} bytes: {packet.ip.offset}"
    return None


def printed(packet: Packet) -> None:
    """Print a packet in every form; whoever reads a line gets one line."""
    texts = [line.line(packet, None), *(field.text for field in tree.tree(packet, None))]
    texts += tree.hex_dump(packet.frame.data)
    line.record(packet, None, None)
    for text in texts:
        assert text.isprintable(), text


def kind_of(fault: Fault) -> str:
    """Name a fault without its numbers."""
    return re.sub(r"(?<![a-z])(0x[0-9a-f]+|\d+)", "N", f"{fault.layer}: {fault.problem}")


def look(frame: Frame, *, in_full: bool) -> tuple[Packet | None, str | None]:
    """Decode a frame; return what is in it, and what is wrong with that."""
    try:
        packet = decode(frame)
        if in_full:
            printed(packet)
    except Exception:  # noqa: BLE001 - this is what is looked for
        return None, traceback.format_exc()
    return packet, broken(packet)


def main(count: int, seed: int) -> int:
    """Look at so many packets; return the exit status."""
    bodies: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    finds = 0
    begin = time.monotonic()
    for frame in islice(made(seed), count):
        packet, problem = look(frame, in_full=frame.number % PRINTED == 0)
        if problem is not None:
            finds += 1
            if finds <= TOLD:
                print(f"link {frame.link} wire {frame.wire_length} {frame.data.hex()}\n{problem}")
        if packet is None:
            continue
        bodies[type(packet.body).__name__ if packet.body is not None else "nothing"] += 1
        faults.update(kind_of(fault) for fault in packet.faults)
    seconds = time.monotonic() - begin
    print(f"{count:,} packets of seed {seed} in {seconds:.0f} s: {finds:,} finds")
    for title, counted in (("holds", bodies), ("fault", faults)):
        for what, number in counted.most_common():
            print(f"{number:>12,}  {title}  {what}")
    return 1 if finds else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))
