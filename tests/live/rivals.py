"""Two masters of one group, beginning at some moment: `python -m tests.live.rivals IF SECONDS`.

The first advertises from the start, the second joins after three seconds; both go on.
"""

import random
import socket
import sys
import threading
import time

from tests.live.month import advert

VHID = 200
JOINS_AFTER = 3


def main(interface: str, seconds: int) -> None:
    chance = random.Random(3)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    wire.bind((interface, 0))
    pause = threading.Event()
    begin = time.monotonic()
    for half in range(2 * seconds):
        pause.wait(max(0.0, begin + half / 2 - time.monotonic()))
        node = half % 2
        if node and half < 2 * JOINS_AFTER:
            continue
        source = bytes((198, 51, 100, 1 + node))
        wire.send(advert(VHID, source, node * 20, half, chance.randbytes(20)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
