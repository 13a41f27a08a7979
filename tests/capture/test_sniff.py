"""What files look like that are no captures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpscope.capture.sniff import looks_like


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"PK\x03\x04rest", 'starts with "PK", a zip file?'),
        (b"\x7fELF\2\1\1", "starts with bytes 7f 45 4c 46, a program?"),
        (b"%PDF-1.7", 'starts with "%PDF", a PDF document?'),
        (
            b"\xfd7zXZ\0",
            "starts with bytes fd 37 7a 58 5a 00, xz-compressed; decompress it first: xz -d",
        ),
        (b"BZh91AY", 'starts with "BZh", bzip2-compressed; decompress it first: bzip2 -d'),
        (
            b"\x04\x22\x4d\x18",
            "starts with bytes 04 22 4d 18, lz4-compressed; decompress it first: lz4 -d",
        ),
        (
            b"XCP\0\2",
            (
                'starts with "XCP", a NetXray or Sniffer capture; convert it first: '
                "editcap -F pcap FILE FILE.pcap"
            ),
        ),
        (b"<!DOCTYPE html>\n<html>", 'starts with "<!DOCTYPE html>", a web page?'),
        (b"\r\n<HTML><body>", 'starts with "<HTML><body>", a web page?'),
        (b"<?xml version='1.0'?>", 'starts with "<?xml version=\'1…", XML?'),
        (b'{"a": 1}', 'starts with "{", JSON?'),
        (b"\0\0\0\0", "starts with zeros"),
        (
            b"\0\1\2\3\4\5\6\7\x08\x09" + bytes(40),
            (
                "starts with bytes 00 01 02 03 04 05 06 07; if Wireshark opens it: "
                "editcap -F pcap FILE FILE.pcap"
            ),
        ),
        (bytes(200) + b"\1" + bytes(56) + b"ustar", "a tar archive?"),
        (
            b"10:02:11.002341 IP 192.168.1.157 > 224.0.0.18",
            'starts with "10:02:11.002341 …", text? A capture is what tcpdump -w writes',
        ),
    ],
)
def test_guesses(head: bytes, words: str) -> None:
    assert looks_like(head) == words


@given(st.binary(min_size=1, max_size=600))
def test_any_bytes_give_one_printable_line(head: bytes) -> None:
    assert looks_like(head).isprintable()
