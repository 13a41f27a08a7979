"""The extension in C (carpscope/native): walks captures, cuts batches, verifies HMACs."""

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
def kernel_columns(meta: Buffer, first: int, snaplen: int, /) -> bytearray: ...
def choose_sha1(wanted: bool, /) -> bool: ...

class Verifier:
    def __new__(cls, key: Buffer, message: Buffer) -> Verifier: ...
    def verifies(self, signed: Buffer, first: int, count: int, /) -> int: ...

Given: TypeAlias = tuple[
    int, int, bytes, bytes, bytes, bytes, list[tuple[int, int]], tuple[int, int] | None
]
"""A train: sender, kind, rows (I), times (q), numbers (q), what moves, copies, span."""

class Cutter:
    def __new__(cls, window: int) -> Cutter: ...
    def cut(
        self, columns: Buffer, count: int, data: Buffer, links: Buffer, capture: int, /
    ) -> list[int | Given]: ...
