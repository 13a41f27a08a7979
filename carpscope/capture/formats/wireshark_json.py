"""Wireshark's JSON with bytes: `tshark -T json -x`.

    "frame_raw": ["01005e…", 0, 70, 0, 1], … "frame.time_epoch": "1700000000.123456789", …
    "frame.encap_type": "1"

Lines as Wireshark prints them; what else is in a packet is passed over. Without -x there are no
bytes, and nothing can be read.

Source: tshark(1), -T json and -x.
"""

import re
from collections.abc import Iterator

from carpscope.capture.counts import CaptureCounts
from carpscope.capture.fileformat import PACKET_LIMIT, FileRecord, Format, lines
from carpscope.core.units import SECOND

_LONGEST = 2 * PACKET_LIMIT + 100
_RAW = re.compile(r'\s*(?:"frame_raw": \[)?\s*"([0-9a-f]{28,})"')
_EPOCH = re.compile(r'\s*"frame\.time_epoch": "(\d+)\.(\d+)"')
_WIRE = re.compile(r'\s*"frame\.len": "(\d+)"')
_ENCAPSULATION = re.compile(r'\s*"frame\.encap_type": "(\d+)"')
_LINKS = {1: 1, 7: 101, 25: 113, 210: 276}
"""Wireshark's own numbers: Ethernet, raw IP, Linux cooked 1 and 2."""
_OTHER = 1 << 16
"""Added to an encapsulation that has no LINKTYPE here, so that it is no other's number."""


def _matches(head: bytes) -> bool:
    return head.lstrip()[:1] == b"[" and b'"_index"' in head and b'"_source"' in head


def _records(chunks: Iterator[bytes], counts: CaptureCounts) -> Iterator[FileRecord]:
    data: bytes | None = None
    at, link, without, timeless = 0, 1, 0, 0
    expects = False
    for text in lines(chunks, _LONGEST):
        if '"_index"' in text:
            timeless += data is not None
            data, at, link = None, 0, 1
        elif expects or '"frame_raw"' in text:
            found = _RAW.match(text)
            expects = found is None and text.rstrip().endswith("[")
            if found is not None and len(found[1]) % 2 == 0:
                data = bytes.fromhex(found[1])
        elif found := _ENCAPSULATION.match(text):
            number = int(found[1])
            link = _LINKS.get(number, _OTHER + number)
        elif found := _EPOCH.match(text):
            at = int(found[1]) * SECOND + int(found[2][:9].ljust(9, "0"))
        elif found := _WIRE.match(text):
            if data is None:
                without += 1
            else:
                yield FileRecord(at, link, data, max(int(found[1]), len(data)))
                data = None
    timeless += data is not None
    if timeless:
        counts.problems.append(
            f"{timeless:,} packets without times (tshark -T jsonraw); print -T json -x instead"
        )
    if without:
        counts.problems.append(f"{without:,} packets without their bytes (tshark -T json needs -x)")


FORMAT = Format("json", _matches, _records)
