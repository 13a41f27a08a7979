"""gzip and zstd undone while reading, without trust in what they claim.

What comes out is given in pieces of bounded size however much a few bytes
expand to, so a bomb costs time and no memory. A stream that is damaged or ends
early gives everything before that, and a note.
"""

from collections.abc import Iterator
from typing import Protocol

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_PIECE = 262_144
"""Bytes of output at a time."""

ZSTD_WINDOW_LIMIT = 134_217_728
"""128 MiB: what `zstd -d` allows when not told otherwise, and `--long` makes."""

_ZSTD_BLOCK_MAX = 131_072


class _Inflater(Protocol):
    """The parts of zlib's decompressor that are used; its class has no public name."""

    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes: ...
    def flush(self) -> bytes: ...
    def copy(self) -> "_Inflater": ...


def is_gzip(head: bytes) -> bool:
    """Tell whether a file begins as gzip does (RFC 1952; deflate is the only method)."""
    return head[:3] == GZIP_MAGIC + b"\x08"


def is_zstd(head: bytes) -> bool:
    """Tell whether a file begins as zstd does (RFC 8878), perhaps with a skippable frame."""
    return head[:4] == ZSTD_MAGIC or _is_skippable(head)


def _is_skippable(head: bytes) -> bool:
    return len(head) >= 4 and head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50


def gunzipped(chunks: Iterator[bytes], problems: list[str]) -> Iterator[bytes]:
    """Give what the gzip members in `chunks` hold, one after the other."""
    return _gathered(_members(chunks, problems))


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join small pieces; an empty one says that the next has to wait for more input.

    A reader joins what it gets to what it has: millions of members or blocks of
    a byte each would make it copy a half-read packet millions of times.
    """
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _PIECE or (size and not piece):
            yield b"".join(held)
            held, size = [], 0
    if size:
        yield b"".join(held)


def _members(chunks: Iterator[bytes], problems: list[str]) -> Iterator[bytes]:
    import zlib  # noqa: PLC0415  not needed for a plain capture

    data = b""
    members = 0
    while True:
        data = data.lstrip(b"\0") if members else data  # padding of a tape or a block device
        while len(data) < 3:
            yield b""
            more = next(chunks, b"")
            if not more:
                break
            data = (data + more).lstrip(b"\0") if members else data + more
        if not data:
            return
        if not is_gzip(data):
            problems.append("something that is not gzip follows after the gzip data")
            return
        members += 1
        inflater: _Inflater = zlib.decompressobj(wbits=31)
        while not inflater.eof:
            if not data:
                yield b""
                data = next(chunks, b"")
                if not data:
                    yield inflater.flush()
                    problems.append("the gzip data ends early")
                    return
            before = inflater.copy()
            try:
                piece = inflater.decompress(data, _PIECE)
            except zlib.error:
                yield from _salvaged(before, data, zlib.error)
                problems.append("the gzip data is damaged; what came before that was read")
                return
            data = inflater.unconsumed_tail or inflater.unused_data
            if piece:
                yield piece


def _salvaged(inflater: _Inflater, data: bytes, error: type[Exception]) -> Iterator[bytes]:
    """Give what comes out before the damage: a failing call keeps back all of it."""
    while len(data) > 1:
        half = len(data) // 2
        trial = inflater.copy()
        try:
            piece = trial.decompress(data[:half], _PIECE)
        except error:
            data = data[:half]
            continue
        inflater = trial
        data = inflater.unconsumed_tail + data[half:]
        if piece:
            yield piece


def unzstd(chunks: Iterator[bytes], problems: list[str]) -> Iterator[bytes]:
    """Give what the zstd frames in `chunks` hold, one after the other.

    The decompressor gets one block at a time, cut out here: a block holds at
    most 128 KiB however few bytes it has, and where one is missing is then exact.
    """
    import zstandard  # noqa: PLC0415  not needed for a plain capture

    def pieces() -> Iterator[bytes]:
        source = _Bytes(chunks)
        decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_LIMIT)
        frame = decompressor.decompressobj()
        try:
            for part, is_new in _zstd_parts(source, problems):
                if is_new:
                    frame = decompressor.decompressobj()
                if piece := frame.decompress(part):
                    yield piece
                if source.is_dry:
                    yield b""
        except zstandard.ZstdError as error:
            problems.append(_zstd_words(str(error)))

    return _gathered(pieces())


def _zstd_words(words: str) -> str:
    if "memory" in words:
        return "the zstd data needs more than 128 MiB; decompress it first: zstd -d --long=31"
    if "ictionary" in words:
        return "the zstd data needs a dictionary; decompress it first: zstd -d -D DICTIONARY"
    return "the zstd data is damaged; what came before that was read"


class _Bytes:
    """Chunks, taken in the lengths a format asks for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._data = b""
        self._here = 0

    @property
    def is_dry(self) -> bool:
        """Tell whether the next bytes have yet to come from outside."""
        return self._here == len(self._data)

    def take(self, count: int) -> bytes:
        """Give that many bytes, fewer at the end."""
        taken = self._data[self._here : self._here + count]
        self._here += len(taken)
        while len(taken) < count:
            self._data = next(self._chunks, b"")
            if not self._data:
                self._here = 0
                break
            self._here = min(count - len(taken), len(self._data))
            taken += self._data[: self._here]
        return taken

    def skip(self, count: int) -> bool:
        """Pass over that many bytes; False where there are fewer."""
        while count:
            passed = len(self.take(min(count, _PIECE)))
            if not passed:
                return False
            count -= passed
        return True


def _zstd_parts(source: _Bytes, problems: list[str]) -> Iterator[tuple[bytes, bool]]:
    """Cut frames into header, blocks and checksum; True with the first part of a frame."""
    while magic := source.take(4):
        if _is_skippable(magic):
            length = source.take(4)
            if len(length) < 4 or not source.skip(int.from_bytes(length, "little")):
                problems.append("the zstd data ends early")
                return
            continue
        if magic != ZSTD_MAGIC:
            problems.append("something that is not zstd follows after the zstd data")
            return
        header = source.take(1)
        wanted = _header_rest(header[0]) if header else 1
        header += source.take(wanted)
        if len(header) < 1 + wanted:
            problems.append("the zstd data ends early")
            return
        yield magic + header, True
        is_last = False
        while not is_last:
            head = source.take(3)
            value = int.from_bytes(head, "little")
            is_last = bool(value & 1)
            size = 1 if value >> 1 & 3 == 1 else value >> 3
            if len(head) == 3 and size > _ZSTD_BLOCK_MAX:
                problems.append(_zstd_words(""))
                return
            block = head + source.take(size)
            if len(head) < 3 or len(block) < 3 + size:
                problems.append("the zstd data ends early")
                return
            yield block, False
        if header[0] & 4:
            checksum = source.take(4)
            if len(checksum) < 4:
                problems.append("the zstd data ends early")
                return
            yield checksum, False


def _header_rest(descriptor: int) -> int:
    """Length of a frame header behind its descriptor byte (RFC 8878 3.1.1.1)."""
    is_single = bool(descriptor & 0x20)
    content_size = (int(is_single), 2, 4, 8)[descriptor >> 6]
    dictionary = (0, 1, 2, 4)[descriptor & 3]
    return int(not is_single) + dictionary + content_size
