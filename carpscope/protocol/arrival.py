"""A captured packet as a receiver's checks see it, also one that is no advertisement.

`wire` gives a view only of what is long enough to be one; a kernel counts the others too.
"""

from carpscope.core.address import GROUP4, GROUP6
from carpscope.protocol.events import ReceivedAdvert
from carpscope.wire.carp import HEADER_SIZE
from carpscope.wire.checksum import checksum_holds
from carpscope.wire.ip import IpView


def arrived(ip: IpView, frame: bytes) -> ReceivedAdvert:
    """Return what arrives with a frame of protocol 112 whose IP header was read."""
    payload = frame[ip.offset : ip.offset + ip.length]
    header = frame[ip.header_offset : ip.offset] if ip.version == 4 else b""
    head = payload[:HEADER_SIZE].ljust(HEADER_SIZE, b"\0")
    group = GROUP4 if ip.version == 4 else GROUP6
    return ReceivedAdvert(
        family=ip.version,
        source=ip.source,
        vhid=head[1],
        advbase=head[5],
        advskew=head[2],
        demote=head[4],
        counter=head[8:16],
        digest=head[16:36],
        identification=ip.identification or 0,
        ttl=ip.ttl,
        destination=b"" if ip.destination == group else ip.destination,
        version=head[0] >> 4,
        checksum_ok=checksum_holds(payload[:HEADER_SIZE]),
        payload_checksum_ok=checksum_holds(payload),
        length=len(payload),
        joint_checksum_ok=checksum_holds(header + payload[:HEADER_SIZE]),
        is_delivered=not ip.is_fragment and ip.checksum_ok is not False,
        is_extended=ip.version == 6 and bool(ip.extensions),
    )
