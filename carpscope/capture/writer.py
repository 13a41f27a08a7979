"""Frames back into files, the same bytes for the same frames on every machine.

Both writers are little-endian whatever the machine, and keep what a capture
knows: the length on the wire and the exact time.

dpkt packs the pcapng blocks that describe (section, interface, options): it is
right there. Packets are packed here, because dpkt takes a time as a float, and
writes the captured length where the length on the wire belongs.
"""

import struct
from collections.abc import Sequence
from typing import BinaryIO, SupportsBytes

from carpscope.capture.batch import KernelBatch
from carpscope.capture.linktypes import ETHERNET, link_name
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame
from carpscope.core.units import MICROSECOND, SECOND

SNAPLEN = 262_144
"""What libpcap writes when it keeps packets whole."""

_COMMENT = 1
_IF_NAME = 2
_IF_TSRESOL = 9
_SHB_USERAPPL = 4
_OPTION_LIMIT = 0xFFFF
"""Option lengths are 16 bits."""


class PcapWriter:
    """Write the classic format: one link type, micro- or nanoseconds."""

    def __init__(
        self,
        stream: BinaryIO,
        *,
        link: int = ETHERNET,
        nanoseconds: bool = False,
        snaplen: int = SNAPLEN,
    ) -> None:
        """Write the file header to `stream`, which stays the caller's to close."""
        self._stream = stream
        self._link = link
        self._snaplen = snaplen
        self._unit = 1 if nanoseconds else MICROSECOND
        magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
        stream.write(struct.pack("<IHHIIII", magic, 2, 4, 0, 0, snaplen, link))

    def write(self, frame: Frame, comment: str | None = None) -> None:
        """Write one packet; the format has no place for a comment.

        Without nanoseconds the time is cut to the microsecond it lies in.
        Raises CarpscopeError where the format cannot hold the frame.
        """
        del comment
        if frame.link != self._link:
            raise CarpscopeError(
                f"packet {frame.number} is {link_name(frame.link)} in a pcap file of "
                f"{link_name(self._link)}: pcap holds one link type, use pcapng"
            )
        seconds, fraction = divmod(frame.at, SECOND)
        if not 0 <= seconds <= 0xFFFF_FFFF:
            raise CarpscopeError(f"packet {frame.number}: pcap holds times from 1970 to 2106 only")
        data = frame.data[: self._snaplen]
        self._stream.write(
            struct.pack(
                "<IIII",
                seconds,
                fraction // self._unit,
                len(data),
                min(frame.wire_length, 0xFFFF_FFFF),
            )
            + data
        )


class PcapngWriter:
    """Write pcapng: nanoseconds, comments, one interface for each link type."""

    def __init__(
        self,
        stream: BinaryIO,
        *,
        snaplen: int = SNAPLEN,
        application: str = "carpscope",
        comment: str | None = None,
        names: Sequence[str] = (),
    ) -> None:
        """Write the section header to `stream`, which stays the caller's to close.

        `application` and `comment` say in the file who made it and what for. With `names`,
        those of interfaces by `Frame.interface`, each of them stays one of its own.
        """
        self._stream = stream
        self._snaplen = snaplen
        self._names = names
        self._interfaces: dict[tuple[int, int], int] = {}
        stream.write(_section(application, comment))

    def write(self, frame: Frame, comment: str | None = None) -> None:
        """Write one packet, and its interface first where it is new.

        Raises CarpscopeError where the format cannot hold the frame.
        """
        if not 0 <= frame.at < 1 << 64:
            raise CarpscopeError(f"packet {frame.number}: pcapng holds times from 1970 to 2554")
        interface = self._interface_of(frame.link, frame.interface, frame.number)
        data = frame.data[: self._snaplen] if self._snaplen else frame.data
        length = min(frame.wire_length, 0xFFFF_FFFF)
        body = struct.pack(
            "<IIIII", interface, frame.at >> 32, frame.at & 0xFFFF_FFFF, len(data), length
        )
        options = _options((_COMMENT, comment)) if comment else b""
        body += data + bytes(-len(data) % 4) + options
        size = struct.pack("<I", len(body) + 12)
        self._stream.write(b"\6\0\0\0" + size + body + size)

    def write_batch(self, batch: KernelBatch) -> None:
        """Write all packets of a batch."""
        interface = self._interface_of(batch.link, batch.interface, batch.first)
        self._stream.write(batch.blocks(interface, self._snaplen))

    def _interface_of(self, link: int, index: int, number: int) -> int:
        """Return the number of an interface; write it first where it is new."""
        key = (link, index if self._names else 0)
        interface = self._interfaces.get(key)
        if interface is None:
            if not 0 <= link <= 0xFFFF:
                raise CarpscopeError(f"packet {number}: pcapng has no link type {link}")
            interface = self._interfaces[key] = len(self._interfaces)
            name = self._names[index] if self._names else None
            self._stream.write(_interface(link, self._snaplen, name))
        return interface


def _section(application: str, comment: str | None) -> bytes:
    from dpkt.pcapng import SectionHeaderBlockLE  # noqa: PLC0415  dpkt takes 33 ms to import

    options = [(_COMMENT, comment)] if comment else []
    block = SectionHeaderBlockLE()
    block.opts = _option_list(*options, (_SHB_USERAPPL, application))
    return bytes(block)


def _interface(link: int, snaplen: int, name: str | None) -> bytes:
    from dpkt.pcapng import InterfaceDescriptionBlockLE  # noqa: PLC0415

    block = InterfaceDescriptionBlockLE(linktype=link, snaplen=snaplen)
    named = [(_IF_NAME, name)] if name else []
    block.opts = _option_list(*named, (_IF_TSRESOL, b"\x09"))
    return bytes(block)


def _options(*options: tuple[int, str | bytes]) -> bytes:
    return b"".join(bytes(option) for option in _option_list(*options))


def _option_list(*options: tuple[int, str | bytes]) -> list[SupportsBytes]:
    from dpkt.pcapng import PcapngOptionLE  # noqa: PLC0415

    values: list[SupportsBytes] = []
    for code, value in options:
        data = value.encode("utf-8", "replace") if isinstance(value, str) else value
        # cut where a character ends: a half one would not be UTF-8
        data = data[:_OPTION_LIMIT].decode("utf-8", "ignore").encode() if code == _COMMENT else data
        values.append(PcapngOptionLE(code=code, data=data[:_OPTION_LIMIT]))
    values.append(PcapngOptionLE(code=0))
    return values
