"""Puts the frames of a capture on an interface, at the pace they were captured, or faster.

Run inside a namespace: `python -m tests.live.sender INTERFACE CAPTURE [SPEED]`.
"""

import socket
import sys
import threading
import time

from carpscope.capture.source import open_capture

ETH_P_ALL = 0x0003


def main(interface: str, path: str, speed: float) -> None:
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.bind((interface, 0))
    pause = threading.Event()
    with open_capture(path) as capture:
        frames = list(capture)
    begin = time.monotonic()
    for frame in frames:
        due = begin + (frame.at - frames[0].at) / 1e9 / speed
        pause.wait(max(0.0, due - time.monotonic()))
        wire.send(frame.data)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]) if len(sys.argv) > 3 else 1.0)
