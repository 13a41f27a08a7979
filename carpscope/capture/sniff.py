"""What a file looks like that is no capture, so that the message helps."""

from carpscope.core.text import shown

_CONVERT = "convert it first: editcap -F pcap FILE FILE.pcap"

_MAYBE = "if Wireshark opens it: editcap -F pcap FILE FILE.pcap"
_PRINT = "print the packets with -T json -x instead, or write them with -w"

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip file?"),
    (b"PK\x05\x06", "an empty zip file?"),
    (b"\x7fELF", "a program?"),
    (b"MZ", "a Windows program?"),
    (b"%PDF", "a PDF document?"),
    (b"\x89PNG", "a picture?"),
    (b"\xff\xd8\xff", "a picture?"),
    (b"GIF8", "a picture?"),
    (b"\xfd7zXZ\x00", "xz-compressed; decompress it first: xz -d"),
    (b"BZh", "bzip2-compressed; decompress it first: bzip2 -d"),
    (b"\x04\x22\x4d\x18", "lz4-compressed; decompress it first: lz4 -d"),
    (b"\x1f\x9d", "compress-ed; decompress it first: uncompress"),
    (b"\x1f\x8b\x08", "gzip-compressed twice? decompress it first: gzip -d"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed twice? decompress it first: zstd -d"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive?"),
    (b"Rar!", "a rar archive?"),
    (b"GMBU", f"a Microsoft Network Monitor capture; {_CONVERT}"),
    (b"RTSS", f"a Microsoft Network Monitor capture; {_CONVERT}"),
    (b"XCP\x00", f"a NetXray or Sniffer capture; {_CONVERT}"),
    (b"TRSNIFF data", f"a Sniffer capture; {_CONVERT}"),
    (b"ObserverPktBufferVersion", f"a capture of Observer; {_CONVERT}"),
    (b"\x05VNF", f"a capture of Visual Networks; {_CONVERT}"),
    (b"\xaa\xaa\xaa\xaa", f"a 5View capture; {_CONVERT}"),
    (b"\x01\x10\x4c\x00", f"a LANalyzer capture; {_CONVERT}"),
    (b"+---------+------", f"K12 text; {_CONVERT}"),
    (b"TR\x00d\x00", f"a trace of nettl; {_CONVERT}"),
    (b"iptrace ", f"a trace of AIX; {_CONVERT}"),
    (b"\x7fver", f"a capture of EtherPeek or OmniPeek; {_CONVERT}"),
    (b"\x00\x00\x02\x00\x12\x05\x00\x10", f"a K15 capture; {_CONVERT}"),
    (b"EyeSDN", f"an EyeSDN trace; {_CONVERT}"),
    (b'{"index":{"_index"', f"what tshark -T ek prints; {_PRINT}"),
    (b"Frame 1: ", f"what tshark -V prints; {_PRINT}"),
    (b"\x0a\x0d\x0d\x0a", "pcapng without a byte order; damaged?"),
    (b"SQLite format 3", "a database?"),
    (b"{", "JSON?"),
    (b"[", "JSON?"),
    (b"#!", "a script?"),
)

_SHOWN = 16


def looks_like(head: bytes) -> str:
    """Say what the first bytes look like, as `starts with "PK", a zip file?`."""
    if not head.strip(b"\0"):
        return "starts with zeros"
    for signature, guess in _SIGNATURES:
        if head.startswith(signature):
            return f"starts with {_shown(signature)}, {guess}"
    if head[257:262] == b"ustar":
        return "a tar archive?"
    lowered = head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if lowered.startswith((b"<!doctype html", b"<html")):
        return f'starts with "{_text(head)}", a web page?'
    if b"<pdml" in lowered or b"<psml" in lowered:
        return f'starts with "{_text(head)}", what tshark -T pdml prints; {_PRINT}'
    if lowered.startswith(b"<"):
        return f'starts with "{_text(head)}", XML?'
    if _is_text(head[:512]):
        return f'starts with "{_text(head)}", text? A capture is what tcpdump -w writes'
    advice = f"; {_MAYBE}" if len(head) > _SHOWN else ""
    return f"starts with bytes {head[:8].hex(' ')}{advice}"


def _shown(signature: bytes) -> str:
    text = signature.rstrip(bytes(range(32)))
    if text and all(32 <= byte < 127 for byte in text):
        return f'"{text.decode("ascii")}"'
    return f"bytes {signature.hex(' ')}"


def _is_text(head: bytes) -> bool:
    if any(byte < 32 and byte not in b"\t\r\n\f" for byte in head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3 > 0  # the last character is cut
    return True


def _text(head: bytes) -> str:
    text = head[: _SHOWN * 4].decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    line = text.splitlines()[0] if text else ""
    return shown(line[:_SHOWN]) + ("…" if len(line) > _SHOWN else "")
