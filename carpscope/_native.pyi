"""The extension in C (native/): walks captures in a buffer, verifies HMACs."""

from typing import TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview

INTERFACE: int

class Walk:
    number: int
    late: int
    snapped: int
    left_out: int
    comments: int
    lost: int
    first: int
    last: int
    begun: int
    has_lost: int
    selects: int
    count: int
    used: int
    def __new__(
        cls,
        is_blocks: bool = ...,
        big: bool = ...,
        record: int = ...,
        scale: int = ...,
        link: int = ...,
    ) -> Walk: ...
    def section(self, big: bool, before: int, /) -> None: ...
    def describe(self, link: int, scale: int, divisor: int, offset: int, /) -> None: ...
    def walk(
        self, data: Buffer, here: int, columns: Buffer, into: Buffer, /
    ) -> tuple[int, int]: ...
    def give(
        self, packet: Buffer, at: int, wire: int, interface: int, columns: Buffer, into: Buffer, /
    ) -> bool: ...

def left_out(frame: Buffer, /) -> bool: ...
def choose_sha1(wanted: bool, /) -> bool: ...

class Verifier:
    def __new__(cls, key: Buffer, message: Buffer) -> Verifier: ...
    def verifies(self, signed: Buffer, first: int, count: int, /) -> int: ...
