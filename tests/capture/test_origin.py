"""Where bytes come from: files, pipes, and what goes wrong with them."""

import errno
import hashlib
import io
import os
import re
import threading
from pathlib import Path

import pytest

from carpscope.capture.origin import ASIDE_FROM, BLOCK, Origin
from carpscope.capture.source import open_capture
from carpscope.capture.writer import PcapWriter
from carpscope.core.errors import CarpscopeError
from carpscope.core.frame import Frame

DATA = bytes(range(256)) * 4096


class Failing(io.BytesIO):
    """A file on a disk that fails after 3000 bytes."""

    def read1(self, size: int | None = -1, /) -> bytes:
        if self.tell() >= 3000:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read1(min(size or 0, 1000))


def test_a_file_is_read_once_with_count_digest_and_progress(tmp_path: Path) -> None:
    path = tmp_path / "some.pcap"
    path.write_bytes(DATA)
    origin = Origin(str(path), digest=True)
    seen: list[tuple[int, int | None]] = []
    origin.progress = lambda done, total: seen.append((done, total))
    chunks = list(origin.chunks())
    assert b"".join(chunks) == DATA
    assert max(map(len, chunks)) <= BLOCK
    assert origin.sha256 == hashlib.sha256(DATA).hexdigest()
    assert origin.count == len(DATA)
    assert seen == [(done, len(DATA)) for done in range(BLOCK, len(DATA) + 1, BLOCK)]


def test_the_rest_can_be_read_for_the_digest_alone(tmp_path: Path) -> None:
    path = tmp_path / "some.pcap"
    path.write_bytes(DATA)
    origin = Origin(str(path), digest=True)
    next(origin.chunks())
    digests = [origin.sha256]
    origin.drain()
    digests.append(origin.sha256)
    assert digests == [None, hashlib.sha256(DATA).hexdigest()]


def test_who_does_not_ask_gets_no_digest(tmp_path: Path) -> None:
    path = tmp_path / "some.pcap"
    path.write_bytes(bytes(ASIDE_FROM + 1))
    before = threading.active_count()
    origin = Origin(str(path))
    assert threading.active_count() == before
    origin.drain()
    assert (origin.is_finished, origin.sha256) == (True, None)


def test_standard_input_gives_what_there_is_without_waiting_for_more() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as pipe, open(writing, "wb", buffering=0) as end:  # noqa: PTH123
        chunks = Origin("-", stdin=pipe).chunks()
        for said in (b"one", b"two"):
            end.write(said)
            assert next(chunks) == said


def test_a_pipe_has_no_total_and_stays_open() -> None:
    stream = io.BytesIO(DATA)
    origin = Origin("-", stdin=stream)
    assert origin.total is None
    origin.drain()
    assert not stream.closed
    assert origin.name == "standard input"


def test_a_redirected_file_has_a_total(tmp_path: Path) -> None:
    path = tmp_path / "some.pcap"
    path.write_bytes(DATA)
    with path.open("rb") as stream:
        assert Origin("-", stdin=stream).total == len(DATA)


def test_a_failing_disk_gives_what_came_before() -> None:
    origin = Origin("-", stdin=Failing(DATA))
    assert b"".join(origin.chunks()) == DATA[:3000]
    assert origin.problem == f"reading failed after 3,000 bytes: {os.strerror(errno.EIO)}"
    assert origin.sha256 is None
    origin.drain()
    assert origin.count == 3000


def refused(path: Path) -> str:
    with pytest.raises(CarpscopeError) as caught:
        Origin(str(path))
    return str(caught.value)


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    assert refused(tmp_path / "none") == f"{tmp_path}/none: no such file"
    assert refused(tmp_path) == f"{tmp_path}: is a directory, not a capture"
    long = refused(tmp_path / ("x" * 300))
    assert long.endswith(f": cannot be opened: {os.strerror(errno.ENAMETOOLONG)}")
    with_nul = refused(tmp_path / "a\0b")  # Python 3.13 says it in other words
    assert re.search(r"a\\x00b: cannot be opened: .*embedded null (byte|character)", with_nul)


def test_no_permission_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"\xd4\xc3\xb2\xa1")

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "no")  # root may read everything

    monkeypatch.setattr(io, "FileIO", refuse)
    assert refused(path) == f"{path}: no permission to read it"


def test_names_of_strangers_are_made_visible(tmp_path: Path) -> None:
    assert refused(tmp_path / "a\x1b]0;b") == f"{tmp_path}/a\\x1b]0;b: no such file"


def test_a_closed_standard_input_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(CarpscopeError, match="standard input: is closed"):
        Origin("-")


def test_a_long_file_has_the_same_digest(tmp_path: Path) -> None:
    path = tmp_path / "long.pcap"
    with path.open("wb") as stream:
        writer = PcapWriter(stream)
        for number in range(10_000):
            writer.write(Frame(number, number, 1, bytes(1200), 1200))
    capture = open_capture(str(path), digest=True)
    assert sum(1 for _ in capture) == 10_000
    assert capture.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_long_file_that_is_closed_early_leaves_no_thread(tmp_path: Path) -> None:
    path = tmp_path / "long.pcap"
    with path.open("wb") as stream:
        writer = PcapWriter(stream)
        for number in range(10_000):
            writer.write(Frame(number, number, 1, bytes(1200), 1200))
    before = threading.active_count()
    capture = open_capture(str(path), digest=True)
    assert threading.active_count() == before + 1
    next(iter(capture))
    capture.close()
    assert threading.active_count() == before
    assert capture.sha256 is None
