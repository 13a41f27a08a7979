"""IGMP: who joins and leaves 224.0.0.18, and whether anybody asks.

v1, v2   type 1 | time 1 | checksum 2 | group 4
v3       type 0x22 | 0 | checksum 2 | 0 2 | records 2 | records
"""

from typing import NamedTuple

from carpscope.core.address import GROUP4, GROUP6
from carpscope.core.fault import Fault, truncated
from carpscope.wire.ip import IpView

PROTOCOL = 2
_KINDS = {0x11: "query", 0x12: "report", 0x16: "report", 0x17: "leave"}
_MAX_RECORDS = 128


class MembershipView(NamedTuple):
    """A query for, report of or leave from multicast groups, IGMP or MLD."""

    version: int
    """4 or 6."""
    kind: str
    """`query`, `report` or `leave`."""
    groups: tuple[bytes, ...]
    offset: int

    @property
    def concerns_carp(self) -> bool:
        """Tell whether the groups of CARP are among them."""
        return GROUP4 in self.groups or GROUP6 in self.groups


def read(data: bytes, ip: IpView) -> MembershipView | Fault | None:
    """Read an IGMP message; None for kinds that say nothing of groups."""
    at = ip.offset
    end = min(len(data), at + ip.length)
    if end - at < 8:
        return truncated("igmp", at, 8, end - at)
    kind = data[at]
    if kind in _KINDS:
        return MembershipView(4, _KINDS[kind], (data[at + 4 : at + 8],), at)
    if kind != 0x22:
        return None
    records = min(data[at + 6] << 8 | data[at + 7], _MAX_RECORDS)
    groups = []
    record, size = at + 8, 0
    for _ in range(records):
        if end < record:  # the record before claims more than there is
            return truncated("igmp", record - size, size, end - record + size)
        if end < record + 8:
            return truncated("igmp", record, 8, end - record)
        auxiliary, sources = data[record + 1], data[record + 2] << 8 | data[record + 3]
        groups.append(data[record + 4 : record + 8])
        size = 8 + sources * 4 + auxiliary * 4
        record += size
    return MembershipView(4, "report", tuple(groups), at)
