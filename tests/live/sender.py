"""Puts the frames of captures on interfaces, at the pace they were captured, or faster.

Run inside a namespace: `python -m tests.live.sender SPEED INTERFACE CAPTURE [INTERFACE CAPTURE…]`.
All end at the same moment, so that none is followed by a silence that it does not have.
"""

import socket
import sys
import threading
import time

from carpscope.capture.source import open_capture
from carpscope.core.frame import Frame

ETH_P_ALL = 0x0003


def main(speed: float, pairs: list[tuple[str, str]]) -> None:
    due: list[tuple[float, int, Frame, socket.socket]] = []
    longest = 0
    for interface, path in pairs:
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        wire.bind((interface, 0))
        with open_capture(path) as capture:
            frames = list(capture)
        longest = max(longest, frames[-1].at - frames[0].at)
        due += [((f.at - frames[-1].at) / 1e9 / speed, f.number, f, wire) for f in frames]
    due.sort(key=lambda entry: entry[:2])
    pause = threading.Event()
    end = time.monotonic() + longest / 1e9 / speed
    for before_end, _, frame, wire in due:
        pause.wait(max(0.0, end + before_end - time.monotonic()))
        wire.send(frame.data)


if __name__ == "__main__":
    words = sys.argv[2:]
    main(float(sys.argv[1]), list(zip(words[::2], words[1::2], strict=True)))
