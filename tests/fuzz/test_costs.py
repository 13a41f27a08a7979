"""Small files that would cost much: the table of docs/limits.md, each row at two sizes.

Bounds are in entries, since a file of a kilobyte can hold millions of them. Work is counted in
calls, which is the same on every machine; memory is the peak of what Python took.
"""

import gzip
import re
import struct
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import zstandard

from carpscope import config
from carpscope.capture.counts import LINKS_KEPT
from carpscope.capture.origin import Origin
from carpscope.sim import world
from tests.archive.maker import rotated, steady
from tests.capture import builder
from tests.program import ROOT, Result, capture, run

pytestmark = pytest.mark.slow

MIB = 1 << 20
SHORT = capture("ucarp-healthy")


class Cost(NamedTuple):
    """One way to cost much."""

    made: Callable[[Path, int], list[str]]
    """Writes the input in a folder; gives the command."""
    small: int
    large: int


def statistics() -> bytes:
    lost = struct.pack("<HHQ", 5, 8, 1)
    return builder.block(5, struct.pack("<III", 0, 0, 0) + lost)


def sections(folder: Path, count: int) -> list[str]:
    one = builder.section() + builder.interface() + statistics()
    path = folder / "sections.pcapng.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(one * count))
    return ["analyze", "-q", str(path)]


def link_types(folder: Path, count: int) -> list[str]:
    described = b"".join(builder.block(1, struct.pack("<HHI", n, 0, 0)) for n in range(count))
    path = folder / "links.pcapng.gz"
    path.write_bytes(gzip.compress(builder.section() + described))
    return ["analyze", str(path)]


def interfaces(folder: Path, count: int) -> list[str]:
    described = builder.block(1, struct.pack("<HHI", 65_534, 0, 0)) * 2_000
    path = folder / "interfaces.pcapng.gz"
    path.write_bytes(gzip.compress((builder.section() + described) * (count // 2_000)))
    return ["analyze", "-q", str(path)]


def captures(folder: Path, count: int) -> list[str]:
    data = Path(SHORT).read_bytes()
    for number in range(count):
        (folder / f"{number}.pcap").write_bytes(data[: 24 + 16 * 90])
    return ["analyze", "-q", *(str(folder / f"{number}.pcap") for number in range(count))]


def rotated_files(folder: Path, count: int) -> list[str]:
    rotated(folder / "rotated", steady(count * 3 // 2), count, overlap=1)
    return ["analyze", "-q", "--workers", "1", str(folder / "rotated")]


def passphrases(folder: Path, count: int) -> list[str]:
    path = folder / "carp.pass"
    path.write_bytes(b"".join(b"word %d\n" % number for number in range(count)))
    path.chmod(0o600)
    return ["analyze", "-q", "--passphrase-file", str(path), capture("freebsd-article")]


def configured(folder: Path, count: int) -> list[str]:
    path = folder / "carpscope.toml"
    node = '[[node]]\nname = "n%d"\naddresses = ["10.1.%d.%d"]\n'
    group = '[[group]]\nvhid = %d\nvlan = %d\nnodes = ["n%d"]\n'
    text = "".join(node % (n, n >> 8, n & 255) for n in range(count))
    text += "".join(group % (1 + n % 255, n // 255, n) for n in range(count))
    path.write_text(text)
    return ["live", "--check-config", "--config", str(path)]


def simulation(folder: Path, seconds: int) -> list[str]:
    path = folder / "long.toml"
    path.write_text(
        f'duration = {seconds}\npassphrase = "x"\naddresses = ["10.0.0.1"]\n[[nodes]]\n'
    )
    return ["simulate", str(path), "-w", str(folder / "long.pcap")]


COSTS = {
    "sections of a pcapng file": Cost(sections, 4_000, 16_000),
    "interfaces of all sections of a pcapng file": Cost(interfaces, 20_000, 80_000),
    "link types of a pcapng file": Cost(link_types, 8_000, 32_000),
    "captures at once": Cost(captures, 80, 320),
    "files of a folder": Cost(rotated_files, 250, 1_000),
    "passphrases in a file": Cost(passphrases, 60, 240),
    "nodes and groups of carpscope.toml": Cost(configured, 400, 1_600),
    "seconds of a simulation": Cost(simulation, 1_000, 4_000),
}


def rows() -> dict[str, int]:
    """Read the table: what costs, and how many MiB."""
    text = (ROOT / "docs/limits.md").read_text()
    _, _, part = text.partition("## Small files that could cost much")
    part, _, _ = part.partition("\n## ")
    found = re.findall(r"^\| ([^|]+?) \| [^|]+ \| (\d+) \|$", part, re.MULTILINE)
    return {name: int(memory) for name, memory in found}


def test_the_table_has_every_row() -> None:
    assert rows().keys() == COSTS.keys()


@pytest.mark.parametrize("name", COSTS)
def test_four_times_as_many_cost_four_times_as_much_at_the_most(name: str, tmp_path: Path) -> None:
    grows(COSTS[name], tmp_path)


@pytest.mark.long
def test_as_many_passphrases_as_are_tried(tmp_path: Path) -> None:
    grows(Cost(passphrases, 250, 1_000), tmp_path)
    below("passphrases in a file", Cost(passphrases, 250, 1_000), tmp_path)


def grows(cost: Cost, tmp_path: Path) -> None:
    made, small, large = cost
    counts = []
    for size in (small, large):
        folder = tmp_path / str(size)
        folder.mkdir()
        words = made(folder, size)
        if size == small:
            done(words)  # imports and caches are no work of it
        counts.append(calls(words))
    assert counts[1] <= 1.3 * counts[0] * large / small + 20_000


@pytest.mark.parametrize("name", COSTS)
def test_memory_stays_below_what_the_table_says(name: str, tmp_path: Path) -> None:
    below(name, COSTS[name], tmp_path)


def below(name: str, cost: Cost, tmp_path: Path) -> None:
    made, small, large = cost
    words = made(tmp_path, small)
    done(words)
    words = made(tmp_path, large)
    tracemalloc.start()
    try:
        done(words)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < rows()[name] * MIB


def done(words: list[str]) -> Result:
    result = run(*words)
    assert result.status in (0, 1, 2), result.err
    return result


def calls(words: list[str]) -> int:
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(counted)
    try:
        done(words)
    finally:
        sys.setprofile(None)
    return count


def test_losses_of_all_sections_are_summed(tmp_path: Path) -> None:
    assert "1,000 packets dropped by the capture itself" in run(*sections(tmp_path, 1000)).err or (
        "1,000 packets dropped" in run("analyze", str(tmp_path / "sections.pcapng.zst")).out
    )


def test_of_very_many_link_types_some_are_listed(tmp_path: Path) -> None:
    told = run(*link_types(tmp_path, 5000)).out
    assert told.count("is not decoded") <= LINKS_KEPT
    assert f"more than {LINKS_KEPT} link types" in told


def test_more_than_are_tried_is_one_line(tmp_path: Path) -> None:
    result = run(*passphrases(tmp_path, config.PASSPHRASES_MAX + 1))
    assert result.status == 2
    assert "1,025 passphrases; 1,024 are tried at the most" in result.err
    assert "word 7" not in result.err
    twice = tmp_path / "twice.pass"
    twice.write_bytes(b"the same\n" * 5000)
    twice.chmod(0o600)
    assert run("analyze", "-q", "--passphrase-file", str(twice), SHORT).status in (0, 1)


def test_more_nodes_than_are_followed_is_one_line(tmp_path: Path) -> None:
    result = run(*configured(tmp_path, config.ENTRIES_MAX + 1))
    assert result.status == 2
    assert "node: expected list of length <= 4096" in result.err


def test_a_simulation_without_end_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "RECORD_MAX", 500)
    result = run(*simulation(tmp_path, 86_400))
    assert result.status == 2
    (line,) = result.err.splitlines()
    assert "more than 500 advertisements and events by second 5" in line


def test_a_pipe_that_nobody_writes_into_is_waited_for_with_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import threading

    path = tmp_path / "pipe"
    os.mkfifo(path)
    told = threading.Event()
    say = print

    def saying(*words: object, **where: object) -> None:
        say(*words, file=sys.stderr)
        told.set()

    monkeypatch.setattr("builtins.print", saying)

    def write() -> None:
        assert told.wait(60)
        with path.open("wb") as stream:
            stream.write(b"what it holds")

    writer = threading.Thread(target=write)
    writer.start()
    origin = Origin(str(path))
    assert b"".join(origin.chunks()) == b"what it holds"
    writer.join()
    assert "waiting for somebody to write into this pipe" in capsys.readouterr().err
