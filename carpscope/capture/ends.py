"""The ends of a long pcap file, without walking it: is it fit to be scanned, and when was it made.

Of the places near the end where a record could begin, those whose lengths lead to the last
byte of the file have to agree about the last record (`capture.scan`).
"""

import os
import re
import struct
from typing import NamedTuple

from carpscope.capture import pcap
from carpscope.capture.linktypes import ETHERNET
from carpscope.capture.sieve import SIEVED_IPV6, SIEVED_SIZE, Sieve, UnfitError
from carpscope.core.units import MICROSECOND, SECOND, Nanos

SCANNED_FROM = 64 << 20
"""Bytes: shorter files are read properly in no time."""
_SAMPLE = 1 << 18
_SPARSE = 8
"""One in so many packets at the beginning may be of interest."""
_DAY = 86_400
_ETHERNET_SIZE = 14
_TAIL = 1 << 19
"""More than the longest record, so that at least one begins in it."""


class Beginning(NamedTuple):
    """What a look at the first packets of a file says."""

    size: int
    order: str
    """Of bytes, as struct has it."""
    seconds: int
    first: Nanos
    """The time of the first packet."""
    snaplen: int


def beginning(path: str) -> Beginning:
    """Look at the first packets. Raises UnfitError where the file is short or of another kind."""
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - pathlib takes longer to import
            size = os.fstat(stream.fileno()).st_size
            head = stream.read(pcap.HEADER_SIZE + 16)
            header = pcap.read_header(head)
            if (
                size < SCANNED_FROM
                or header is None
                or header.link != ETHERNET
                or header.version != (2, 4)
                or header.fcs_length
                or header.magic != pcap.MICROSECONDS
                or header.snaplen < SIEVED_IPV6
            ):
                raise UnfitError
            stream.seek(pcap.HEADER_SIZE)
            if not _is_sparse(stream.read(_SAMPLE), header.order):
                raise UnfitError
    except OSError as problem:
        raise UnfitError from problem
    seconds, micros = struct.unpack_from(f"{header.order}II", head, pcap.HEADER_SIZE)
    first = seconds * SECOND + micros * MICROSECOND
    return Beginning(size, header.order, seconds, first, header.snaplen)


def last_time(path: str, begun: Beginning) -> Nanos:
    """Return the time of the last packet. Raises UnfitError where it is not certain."""
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - as above
            stream.seek(max(pcap.HEADER_SIZE, begun.size - _TAIL))
            last = _last_time(stream.read(_TAIL), begun.order, begun.seconds)
    except OSError as problem:
        raise UnfitError from problem
    if last is None:
        raise UnfitError
    return last


def _is_sparse(records: bytes, order: str) -> bool:
    """Tell whether most of the first packets of a file are of no interest."""
    unpack = struct.Struct(f"{order}8xI4x").unpack_from
    drops = Sieve().drops
    here = dropped = given = 0
    while here + 16 < len(records):
        (captured,) = unpack(records, here)
        if here + 16 + captured > len(records):
            break
        if captured >= SIEVED_SIZE and drops(records, here + 16, captured):
            dropped += 1
        else:
            given += 1
        here += 16 + captured
    return given * _SPARSE <= dropped


_LITTLE = re.compile(rb"(?=.{4}..[\x00-\x0f]\x00..[\x00-\x04]\x00..[\x00-\x04]\x00)", re.DOTALL)
_BIG = re.compile(rb"(?=.{4}\x00[\x00-\x0f]..\x00[\x00-\x04]..\x00[\x00-\x04]..)", re.DOTALL)


def _last_time(tail: bytes, order: str, since: int) -> Nanos | None:
    """Return when the last record of a file was captured, None where that is not certain."""
    leads: dict[int, int] = {}
    """Where a record could begin: where the last one does that its lengths lead to."""
    unpack = struct.Struct(f"{order}IIII").unpack_from
    pattern = _LITTLE if order == "<" else _BIG
    for match in reversed(list(pattern.finditer(tail))):
        start = match.start()
        seconds, micros, captured, length = unpack(tail, start)
        if (
            not since - _DAY <= seconds <= since + 10_000 * _DAY
            or micros >= 1_000_000
            or not _ETHERNET_SIZE <= captured <= min(length, pcap.PACKET_LIMIT)
        ):
            continue
        following = start + 16 + captured
        if following == len(tail):
            leads[start] = start
        elif following in leads:
            leads[start] = leads[following]
    if len(set(leads.values())) != 1:
        return None
    seconds, micros, _, _ = unpack(tail, next(iter(leads.values())))
    at: Nanos = seconds * SECOND + micros * MICROSECOND
    return at
