"""The access port of a switch: untagged frames on the host's side, tagged ones on the trunk.

Done here, frame by frame, because not every kernel that can record has 802.1Q devices; the
frames are the host's own and only the tags are added. Run in the switch's namespace as
`python -m captures.record.access PORT TRUNK ETHERTYPE:VLAN…`, outermost tag first.
"""

import select
import socket
import struct
import sys
from collections.abc import Sequence

_ALL_ETHERTYPES = 0x0003
_SOL_PACKET = 263
_PACKET_AUXDATA = 8
_AUXDATA = struct.Struct("=IIIHHHH")
_VLAN_VALID = 0x10
_PACKET_OUTGOING = 4
_FRAME_MAX = 65535


def command(port: str, trunk: str, tags: Sequence[tuple[int, int]]) -> list[str]:
    """The command line that runs such a port."""
    words = [f"{ethertype:#06x}:{vlan}" for ethertype, vlan in tags]
    return [sys.executable, "-m", "captures.record.access", port, trunk, *words]


def main(argv: Sequence[str]) -> None:
    port, trunk = _open(argv[0]), _open(argv[1])
    tags = b""
    for word in argv[2:]:
        ethertype, vlan = word.split(":")
        tags += struct.pack("!HH", int(ethertype, 16), int(vlan))
    print("forwarding", flush=True)
    while True:
        for ready in select.select([port, trunk], [], [])[0]:
            frame = _receive(ready)
            if frame is None:
                continue
            if ready is port:
                _send(trunk, frame[:12] + tags + frame[12:])
            elif frame[12 : 12 + len(tags)] == tags:
                _send(port, frame[:12] + frame[12 + len(tags) :])


def _open(interface: str) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_ETHERTYPES))
    opened.bind((interface, _ALL_ETHERTYPES))
    opened.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    return opened


def _receive(source: socket.socket) -> bytes | None:
    """A frame that came in, with the outer tag that the kernel had set aside put back."""
    frame, extras, _, sender = source.recvmsg(_FRAME_MAX, socket.CMSG_SPACE(_AUXDATA.size))
    if sender[2] == _PACKET_OUTGOING:
        return None  # our own, on its way out
    for level, kind, data in extras:
        if level == _SOL_PACKET and kind == _PACKET_AUXDATA:
            status, _, _, _, _, tci, ethertype = _AUXDATA.unpack(data[: _AUXDATA.size])
            if status & _VLAN_VALID:
                return frame[:12] + struct.pack("!HH", ethertype, tci) + frame[12:]
    return frame


def _send(target: socket.socket, frame: bytes) -> None:
    try:
        target.send(frame)
    except OSError:
        return  # the link is down: a switch drops the frame


if __name__ == "__main__":
    main(sys.argv[1:])
