"""A user of the virtual address: pings it once a second.

Its ARP requests show in the capture who answers for the address, and its pings who serves it. Run
on its host as `python -m captures.record.caller TARGET`.
"""

import socket
import struct
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import count

_ECHO_REQUEST = 8
_IDENTIFIER = 0x1D1D
_PAYLOAD = b"is anybody there"


def command(target: str) -> list[str]:
    return [sys.executable, "-m", "captures.record.caller", target]


def main(argv: Sequence[str]) -> None:
    (target,) = argv
    wire = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    for number in count(1):
        with suppress(OSError):  # nobody has the address just now: the next may be answered
            wire.sendto(_echo_request(number), (target, 0))
        time.sleep(1)


def _echo_request(number: int) -> bytes:
    message = struct.pack("!BBHHH", _ECHO_REQUEST, 0, 0, _IDENTIFIER, number & 0xFFFF) + _PAYLOAD
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return message[:2] + struct.pack("!H", total ^ 0xFFFF) + message[4:]


if __name__ == "__main__":
    main(sys.argv[1:])
